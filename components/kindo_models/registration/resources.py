"""The dynamic resources. Module path, class names and type tokens are written into state: never rename or move them.

Each provider adapts one plain function to Pulumi's create, read, update, delete and diff. An instance holds nothing, so
its pickle is a reference to its class: code changes are no change of a resource, and no key can be captured. Keys are
read when an operation runs, from the environment or from the stack's secrets.

Heavy modules are imported inside the operations: a program that declares these resources loads neither httpx nor
kubernetes.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import pulumi
from pulumi.dynamic import (
    CheckFailure,
    CheckResult,
    ConfigureRequest,
    CreateResult,
    DiffResult,
    ReadResult,
    Resource,
    ResourceProvider,
    UpdateResult,
)
from pulumi.output import contains_unknowns

from kindo_models.planning.flags import (
    PAYLOAD_TYPES,
    PAYLOAD_VALUES,
    FlagCandidate,
    FlagSelection,
    payload_text,
    same_payload,
    select_candidates,
)
from kindo_models.registration import plain_errors
from kindo_models.registration.credentials import KINDO_KEY, UNLEASH_KEY, Settings
from kindo_models.registration.errors import RegistrationError
from kindo_models.registration.progress import tell

if TYPE_CHECKING:
    from kindo_models.registration.clients.cluster import Cluster
    from kindo_models.registration.clients.kindo import KindoAdminClient
    from kindo_models.registration.clients.unleash import UnleashClient
    from kindo_models.registration.flag_binding import FlagTarget, Payload
    from kindo_models.registration.models import DesiredModel
    from kindo_models.verification.manifest import GateSpec

plain_errors.install()

MODULE = "kindo-models"
Props = dict[str, Any]


class _Provider(ResourceProvider):
    """What all have in common. `declared` are the inputs that are compared, `replace_on` those that make another
    resource.
    """

    serialize_as_secret_always = False
    declared: ClassVar[tuple[str, ...]] = ()
    replace_on: ClassVar[tuple[str, ...]] = ()
    settings = Settings()

    def configure(self, req: ConfigureRequest) -> None:
        self.settings = Settings(config=req.config.get, environment=os.environ)

    def diff(self, _id: str, olds: Props, news: Props) -> DiffResult:
        """`olds` are outputs, so only what was declared can be compared; unknown values count as changed."""
        changed = [key for key in self.declared if olds.get(key) != news.get(key)]
        replaces = [key for key in changed if key in self.replace_on]
        changes = bool(changed) or self.outdated(olds, news)
        return DiffResult(changes=changes, replaces=replaces, delete_before_replace=False)

    def outdated(self, olds: Props, news: Props) -> bool:
        """Further reasons for an update than a changed input."""
        return False

    def read(self, id_: str, props: Props) -> ReadResult:
        return ReadResult(id_, _own(props))

    def update(self, id_: str, olds: Props, news: Props) -> UpdateResult:
        raise NotImplementedError

    def kindo(self, props: Props) -> KindoAdminClient:
        from kindo_models.registration import connections

        return connections.kindo(
            props["kindo_url"], props["mapping"], self.settings.credential(KINDO_KEY, "the Kindo admin API")
        )

    def unleash(self, props: Props) -> UnleashClient:
        from kindo_models.registration import connections

        return connections.unleash(props["unleash_url"], self.settings.credential(UNLEASH_KEY, "Unleash"))

    def cluster(self, props: Props) -> Cluster:
        from kindo_models.registration import connections

        # A file that the program wrote lies where it last ran; elsewhere (a fresh clone that only destroys) KUBECONFIG.
        written = props.get("kubeconfig_file")
        return connections.cluster(
            written if written and os.path.isfile(written) else self.settings.text("kubernetes:kubeconfig"),
            props.get("kube_context") or self.settings.text("kubernetes:context"),
        )


def _own(props: Props, **outputs: Any) -> Props:
    """Inputs carried forward, with these outputs: what an operation does not return is lost from state."""
    return {key: value for key, value in props.items() if key != "__provider"} | outputs


def _given(**props: Any) -> Props:
    """Inputs without the omitted ones, so that a new optional argument is no change for those who do not use it."""
    return {key: value for key, value in props.items() if value is not None}


def _one_of(news: Props, key: str, allowed: Sequence[str]) -> list[CheckFailure]:
    value = news.get(key)
    if contains_unknowns(value) or value in allowed:
        return []
    return [CheckFailure(key, f"is {value!r}; allowed are {', '.join(allowed)}")]


def _owner(name: str) -> str:
    return f"{pulumi.get_project()}/{pulumi.get_stack()}/{name}"


# --- RegistrationAccess -------------------------------------------------------------------------------------------


class RegistrationAccessProvider(_Provider):
    declared = ("kindo_url", "mapping", "unleash_url")

    def check(self, olds: Props, news: Props) -> CheckResult:
        from kindo_models.catalog.kindo_admin import kindo_admin_mappings

        given = news.get("mapping") is not None
        return CheckResult(news, _one_of(news, "mapping", sorted(kindo_admin_mappings())) if given else [])

    def create(self, props: Props) -> CreateResult:
        self._look(props)
        return CreateResult("registration-access", _own(props))

    def update(self, id_: str, olds: Props, news: Props) -> UpdateResult:
        self._look(news)
        return UpdateResult(_own(news))

    def _look(self, props: Props) -> None:
        """All that is wrong at once, not the first server's alone."""
        wrong = []
        for key, connect in (("kindo_url", self.kindo), ("unleash_url", self.unleash)):
            if props.get(key):
                try:
                    connect(props).check_access()
                except RegistrationError as error:
                    wrong.append(str(error))
        if wrong:
            raise RegistrationError("\n".join(wrong))


class RegistrationAccess(Resource, module=MODULE, name="RegistrationAccess"):
    """Proves address and key of each server by one read, before anything else is made."""

    def __init__(
        self,
        resource_name: str,
        *,
        kindo_url: pulumi.Input[str] | None = None,
        mapping: pulumi.Input[str] | None = None,
        unleash_url: pulumi.Input[str] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        props = _given(kindo_url=kindo_url, mapping=mapping, unleash_url=unleash_url)
        super().__init__(RegistrationAccessProvider(), resource_name, props, opts)


# --- GeneratedSecret ----------------------------------------------------------------------------------------------


class GeneratedSecretProvider(_Provider):
    declared = ("namespace", "secret_name", "keys", "labels")
    replace_on = ("namespace", "secret_name")

    def create(self, props: Props) -> CreateResult:
        return CreateResult(f"{props['namespace']}/{props['secret_name']}", self._ensure(props))

    def update(self, id_: str, olds: Props, news: Props) -> UpdateResult:
        return UpdateResult(self._ensure(news))

    def outdated(self, olds: Props, news: Props) -> bool:
        """After a refresh: a key that somebody removed has no fingerprint."""
        keys = news.get("keys")
        return isinstance(keys, dict) and not set(keys) <= set(olds.get("fingerprints") or {})

    def read(self, id_: str, props: Props) -> ReadResult:
        from kindo_models.registration import generated_secret

        now = generated_secret.read(self.cluster(props), props["namespace"], props["secret_name"], props["keys"])
        if now is None:
            return ReadResult("", {})
        return ReadResult(id_, _own(props, uid=now.uid, fingerprints=now.fingerprints))

    def delete(self, id_: str, props: Props) -> None:
        from kindo_models.registration import generated_secret

        generated_secret.remove(self.cluster(props), props["namespace"], props["secret_name"], props["owner"])

    def _ensure(self, props: Props) -> Props:
        from kindo_models.registration import generated_secret

        made = generated_secret.ensure(
            self.cluster(props),
            props["namespace"],
            props["secret_name"],
            props["keys"],
            props.get("labels") or {},
            props["owner"],
        )
        return _own(props, uid=made.uid, fingerprints=made.fingerprints)


class GeneratedSecret(Resource, module=MODULE, name="GeneratedSecret"):
    """A Secret with random values, made in the cluster if absent and never changed afterwards.

    keys: name of each value → prefix of it ("sk-"). The values never leave the cluster; `fingerprints` tells by an HMAC
    whether one was rotated. Deleting the resource deletes the Secret only if this resource made it.
    """

    fingerprints: pulumi.Output[dict[str, str]]
    uid: pulumi.Output[str]

    def __init__(
        self,
        resource_name: str,
        *,
        namespace: pulumi.Input[str],
        secret_name: pulumi.Input[str],
        keys: pulumi.Input[Mapping[str, pulumi.Input[str]]],
        labels: pulumi.Input[Mapping[str, pulumi.Input[str]]] | None = None,
        owner: pulumi.Input[str] | None = None,
        kube_context: pulumi.Input[str] | None = None,
        kubeconfig_file: pulumi.Input[str] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        props = _given(
            namespace=namespace,
            secret_name=secret_name,
            keys=keys,
            labels=labels,
            owner=owner or _owner(resource_name),
            kube_context=kube_context,
            kubeconfig_file=kubeconfig_file,
        )
        super().__init__(GeneratedSecretProvider(), resource_name, {**props, "fingerprints": None, "uid": None}, opts)


# --- VerifiedEndpoint ---------------------------------------------------------------------------------------------


class VerifiedEndpointProvider(_Provider):
    declared = (
        "model",
        "namespace",
        "image",
        "script_config_map",
        "script_sha256",
        "service_account",
        "key_refs",
        "labels",
        "checks",
        "startup_seconds",
        "deadline_seconds",
        "failure_policy",
        "image_pull_policy",
        "image_pull_secrets",
        "trigger",
        "workload",
    )
    replace_on = ("model", "namespace")

    def check(self, olds: Props, news: Props) -> CheckResult:
        from kindo_models.verification.checks import parse_checks
        from kindo_models.verification.outcome import POLICIES

        failures = _one_of(news, "failure_policy", POLICIES)
        if not contains_unknowns(news.get("checks")):
            try:
                parse_checks(str(news.get("checks")))
            except ValueError as error:
                failures.append(CheckFailure("checks", str(error)))
        return CheckResult(news, failures)

    def create(self, props: Props) -> CreateResult:
        from kindo_models.verification.manifest import gate_label

        return CreateResult(f"{props['namespace']}/{gate_label(props['model'])}", self._run(props))

    def update(self, id_: str, olds: Props, news: Props) -> UpdateResult:
        return UpdateResult(self._run(news))

    def outdated(self, olds: Props, news: Props) -> bool:
        """A failed gate is tried again by every `up`."""
        return (olds.get("verdict") or {}).get("status") not in ("pass", "skipped")

    def delete(self, id_: str, props: Props) -> None:
        from kindo_models.verification.jobs import remove_jobs

        remove_jobs(self.cluster(props), props["namespace"], props["model"])

    def _run(self, props: Props) -> Props:
        """A failed check is no error: an error would stop the models beside this one."""
        from kindo_models.verification.jobs import PATIENCE_SECONDS, PATIENCE_VARIABLE, run_gate
        from kindo_models.verification.outcome import document, skipped

        policy = props["failure_policy"]
        if policy == "off":
            verdict = skipped(props["model"])
        else:
            patience = float(self.settings.environment.get(PATIENCE_VARIABLE) or PATIENCE_SECONDS)
            verdict = run_gate(self.cluster(props), _gate_spec(props), log=tell, patience_seconds=patience)
            tell(f"{verdict.model}: gate says {verdict.status}")
        return _own(props, verdict=document(verdict, policy))


def _gate_spec(props: Props) -> GateSpec:
    from kindo_models.verification.manifest import GateSpec

    return GateSpec(
        model=props["model"],
        namespace=props["namespace"],
        image=props["image"],
        script_config_map=props["script_config_map"],
        script_sha256=props["script_sha256"],
        checks=props["checks"],
        startup_seconds=int(props["startup_seconds"]),
        deadline_seconds=int(props["deadline_seconds"]),
        key_refs=props.get("key_refs") or {},
        service_account=props.get("service_account"),
        labels=props.get("labels") or {},
        image_pull_policy=props.get("image_pull_policy") or "IfNotPresent",
        image_pull_secrets=tuple(props.get("image_pull_secrets") or ()),
        trigger=props.get("trigger"),
        workload=props.get("workload"),
    )


class VerifiedEndpoint(Resource, module=MODULE, name="VerifiedEndpoint"):
    """The verdict on one model's endpoint, found by a Job inside the cluster.

    `verdict`: {model, status, policy, checks: [{check, via, status, seconds, cause, fix, evidence}]}; status is pass,
    fail (do not register), warned (failed, but `failure_policy` is warn) or skipped (`off`). A failed check is no error
    of this resource; the next `up` tries again.

    checks: JSON list of checks (`verification/checks.py`, `Check`).
    key_refs: for each `key_env` in the checks where its value lies, `SECRET#KEY` in the same namespace.
    startup_seconds: how long the server may still be starting; deadline_seconds: the checks themselves, after that.
    trigger: any change of it runs the checks again.
    workload: Deployment of the model's own server, NAMESPACE/NAME; its rollout is waited for, up to startup_seconds.
    """

    verdict: pulumi.Output[dict[str, Any]]

    def __init__(
        self,
        resource_name: str,
        *,
        model: pulumi.Input[str],
        namespace: pulumi.Input[str],
        image: pulumi.Input[str],
        script_config_map: pulumi.Input[str],
        script_sha256: pulumi.Input[str],
        checks: pulumi.Input[str],
        startup_seconds: pulumi.Input[int],
        deadline_seconds: pulumi.Input[int],
        failure_policy: pulumi.Input[str] = "block",
        key_refs: pulumi.Input[Mapping[str, pulumi.Input[str]]] | None = None,
        service_account: pulumi.Input[str] | None = None,
        labels: pulumi.Input[Mapping[str, pulumi.Input[str]]] | None = None,
        image_pull_policy: pulumi.Input[str] | None = None,
        image_pull_secrets: pulumi.Input[Sequence[pulumi.Input[str]]] | None = None,
        trigger: pulumi.Input[str] | None = None,
        workload: pulumi.Input[str] | None = None,
        kube_context: pulumi.Input[str] | None = None,
        kubeconfig_file: pulumi.Input[str] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        props = _given(
            model=model,
            namespace=namespace,
            image=image,
            script_config_map=script_config_map,
            script_sha256=script_sha256,
            checks=checks,
            startup_seconds=startup_seconds,
            deadline_seconds=deadline_seconds,
            failure_policy=failure_policy,
            key_refs=key_refs,
            service_account=service_account,
            labels=labels,
            image_pull_policy=image_pull_policy,
            image_pull_secrets=image_pull_secrets,
            trigger=trigger,
            workload=workload,
            kube_context=kube_context,
            kubeconfig_file=kubeconfig_file,
        )
        super().__init__(VerifiedEndpointProvider(), resource_name, {**props, "verdict": None}, opts)


# --- ModelProvider ------------------------------------------------------------------------------------------------


class ModelProviderProvider(_Provider):
    declared = ("kindo_url", "mapping", "display_name")
    replace_on = ("kindo_url", "display_name")

    def create(self, props: Props) -> CreateResult:
        return CreateResult(props["display_name"], self._ensure(props, made_before=False))

    def update(self, id_: str, olds: Props, news: Props) -> UpdateResult:
        return UpdateResult(self._ensure(news, made_before=olds.get("created") is True))

    def read(self, id_: str, props: Props) -> ReadResult:
        found = [row for row in self.kindo(props).providers() if row.display_name == props["display_name"]]
        return ReadResult(id_, _own(props, provider_id=found[0].id)) if found else ReadResult("", {})

    def delete(self, id_: str, props: Props) -> None:
        from kindo_models.registration import providers

        if props.get("created"):
            providers.remove(self.kindo(props), str(props["provider_id"]), log=tell)

    def _ensure(self, props: Props, *, made_before: bool) -> Props:
        from kindo_models.registration import providers

        provider_id, created = providers.ensure(self.kindo(props), props["display_name"], props["owner"])
        return _own(props, provider_id=provider_id, created=created or made_before)


class ModelProvider(Resource, module=MODULE, name="ModelProvider"):
    """Kindo's ModelProvider row of this exact display name: found, or made. Deleted only if made here and unused."""

    provider_id: pulumi.Output[str]
    created: pulumi.Output[bool]

    def __init__(
        self,
        resource_name: str,
        *,
        kindo_url: pulumi.Input[str],
        mapping: pulumi.Input[str],
        display_name: pulumi.Input[str],
        owner: pulumi.Input[str] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        props = _given(
            kindo_url=kindo_url, mapping=mapping, display_name=display_name, owner=owner or _owner(resource_name)
        )
        super().__init__(ModelProviderProvider(), resource_name, {**props, "provider_id": None, "created": None}, opts)


# --- RegisteredModel ----------------------------------------------------------------------------------------------


class RegisteredModelProvider(_Provider):
    declared = (
        "kindo_url",
        "mapping",
        "litellm_model_name",
        "fields",
        "provider_id",
        "api_key_ref",
        "api_key_fingerprint",
        "owner",
        "status",
    )
    replace_on = ("kindo_url", "litellm_model_name")

    def check(self, olds: Props, news: Props) -> CheckResult:
        failures = []
        reference = news.get("api_key_ref")
        if reference is not None and not contains_unknowns(reference) and not _is_key_reference(str(reference)):
            # Not shown: a literal key would stand here.
            form = "is no reference to a key; write secret:NAMESPACE/NAME#KEY or env:NAME"
            failures.append(CheckFailure("api_key_ref", form))
        return CheckResult(news, failures)

    def create(self, props: Props) -> CreateResult:
        name = str(props["litellm_model_name"])
        if props["status"] == "fail":
            # Nothing is sent: Kindo must not offer a model that does not work.
            return CreateResult(name, _own(props, model_id=None, registered=False))
        outputs = self._register(props, {})
        # The server's id, which a preview knows even where it cannot know the outputs (registration/previewed.py).
        return CreateResult(str(outputs["model_id"]), outputs)

    def update(self, id_: str, olds: Props, news: Props) -> UpdateResult:
        if news["status"] == "fail":
            if not olds.get("registered"):
                return UpdateResult(_own(news, model_id=None, registered=False))
            tell(f"{news['litellm_model_name']}: did not pass its gate; it keeps its last registration")
            # Outputs stay the old ones, so the next diff sees this change as still to be made.
            return UpdateResult(_own(olds))
        return UpdateResult(self._register(news, olds))

    def read(self, id_: str, props: Props) -> ReadResult:
        if not props.get("registered"):
            return ReadResult(id_, _own(props))
        row = self.kindo(props).find_model(props["litellm_model_name"])
        if row is None:
            return ReadResult("", {})
        fields = {key: row.fields[key] for key in props["fields"] if row.fields.get(key) is not None}
        now = {"fields": fields, "provider_id": row.fields.get("modelProviderId"), "model_id": row.id}
        if row.owner:
            now["owner"] = row.owner
        return ReadResult(row.id, _own(props, **now))

    def delete(self, id_: str, props: Props) -> None:
        from kindo_models.registration import models

        if props.get("registered"):
            models.remove(
                self.kindo(props), props["litellm_model_name"], str(props["model_id"]), props["owner"], log=tell
            )

    def _register(self, props: Props, olds: Props) -> Props:
        from kindo_models.registration import models

        known_id = olds.get("model_id") if olds.get("registered") else None
        model_id = models.upsert(
            self.kindo(props),
            self._desired(props, olds),
            known_id=str(known_id) if known_id else None,
            adopt_existing=props.get("adopt_existing") is True,
            log=tell,
        )
        return _own(props, model_id=model_id, registered=True)

    def _desired(self, props: Props, olds: Props) -> DesiredModel:
        from kindo_models.registration.models import DesiredModel

        key_changed = olds.get("api_key_fingerprint") != props.get("api_key_fingerprint") or (
            olds.get("api_key_ref") != props.get("api_key_ref")
        )
        send_key = props.get("api_key_ref") and (key_changed or not olds.get("registered"))
        return DesiredModel(
            name=props["litellm_model_name"],
            fields=_whole_numbers(props["fields"]),
            provider_id=str(props["provider_id"]),
            owner=props["owner"],
            api_key=self._key(props) if send_key else None,
            removed=tuple(sorted(set(olds.get("fields") or {}) - set(props["fields"]))),
        )

    def _key(self, props: Props) -> str:
        from kindo_models.registration import generated_secret

        kind, _, rest = str(props["api_key_ref"]).partition(":")
        if kind == "env":
            return self.settings.credential(rest).value
        place, _, key = rest.partition("#")
        namespace, _, secret = place.partition("/")
        return generated_secret.value(self.cluster(props), namespace, secret, key)


def _whole_numbers(fields: Props) -> Props:
    """Properties travel as floats; a server may insist on 128000 rather than 128000.0."""
    return {
        key: int(value) if isinstance(value, float) and value.is_integer() else value for key, value in fields.items()
    }


def _is_key_reference(text: str) -> bool:
    kind, _, rest = text.partition(":")
    if kind == "env":
        return bool(rest)
    namespace, slash, name_and_key = rest.partition("/")
    secret, hash_, key = name_and_key.partition("#")
    return kind == "secret" and all((namespace, slash, secret, hash_, key))


class RegisteredModel(Resource, module=MODULE, name="RegisteredModel"):
    """One model in Kindo's admin API, found again by its routing key.

    While `status` is fail nothing is sent: an unregistered model stays withheld (`registered` false, no `model_id`), a
    registered one keeps its last state, and the next `up` tries again.

    fields: contract field names (displayName, contextWindow …) → values. No secret.
    api_key_ref: where the key lies that Kindo is to use, `secret:NAMESPACE/NAME#KEY` or `env:NAME`; it is read by the
    provider
        and is in no property. api_key_fingerprint: changes when the key does, so that a rotation is one update.
    owner: project/stack/name, written into the row where the mapping has a field for it. A row of another owner is
    refused.
    adopt_existing: take over a row without owner even if its values differ.
    """

    model_id: pulumi.Output[str | None]
    registered: pulumi.Output[bool]

    def __init__(
        self,
        resource_name: str,
        *,
        kindo_url: pulumi.Input[str],
        mapping: pulumi.Input[str],
        litellm_model_name: pulumi.Input[str],
        fields: pulumi.Input[Mapping[str, Any]],
        provider_id: pulumi.Input[str],
        status: pulumi.Input[str],
        api_key_ref: pulumi.Input[str] | None = None,
        api_key_fingerprint: pulumi.Input[str] | None = None,
        owner: pulumi.Input[str] | None = None,
        adopt_existing: pulumi.Input[bool] | None = None,
        kube_context: pulumi.Input[str] | None = None,
        kubeconfig_file: pulumi.Input[str] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        props = _given(
            kindo_url=kindo_url,
            mapping=mapping,
            litellm_model_name=litellm_model_name,
            fields=fields,
            provider_id=provider_id,
            status=status,
            api_key_ref=api_key_ref,
            api_key_fingerprint=api_key_fingerprint,
            owner=owner or _owner(resource_name),
            adopt_existing=adopt_existing,
            kube_context=kube_context,
            kubeconfig_file=kubeconfig_file,
        )
        super().__init__(
            RegisteredModelProvider(), resource_name, {**props, "model_id": None, "registered": None}, opts
        )


# --- FlagBinding --------------------------------------------------------------------------------------------------


class FlagBindingProvider(_Provider):
    declared = (
        "unleash_url",
        "project",
        "environment",
        "feature",
        "strategy",
        "variant",
        "payload_type",
        "payload_value",
        "holds",
        "weight",
        "create_missing",
    )
    replace_on = ("unleash_url", "project", "environment", "feature", "strategy", "variant")

    def check(self, olds: Props, news: Props) -> CheckResult:
        failures = _one_of(news, "payload_type", PAYLOAD_TYPES) + _one_of(news, "payload_value", PAYLOAD_VALUES)
        failures += _one_of(news, "holds", ("one", "many"))
        return CheckResult(news, failures)

    def create(self, props: Props) -> CreateResult:
        from kindo_models.registration import flag_binding

        target = _flag_target(props)
        payload = _flag_payload(props)
        bound = flag_binding.bind(self.unleash(props), target, payload, creating=True, log=tell)
        previous = bound.previous.document() if bound.previous else None
        id_ = "/".join((target.project, target.environment, target.feature, target.strategy, target.variant))
        return CreateResult(id_, _own(props, payload=payload.value, previous=previous, created=bound.created))

    def update(self, id_: str, olds: Props, news: Props) -> UpdateResult:
        """`previous` and `created` stay what they were when we came."""
        from kindo_models.registration import flag_binding

        payload = _flag_payload(news)
        flag_binding.bind(self.unleash(news), _flag_target(news), payload, log=tell)
        kept = {"previous": olds.get("previous"), "created": olds.get("created")}
        return UpdateResult(_own(news, payload=payload.value, **kept))

    def outdated(self, olds: Props, news: Props) -> bool:
        """By meaning: a candidate that is withheld, or only another status, leaves the payload as it is."""
        if contains_unknowns({key: news.get(key) for key in ("candidates", "payload_type", "payload_value", "holds")}):
            return True
        selected = _selection(news).selected
        if not selected:
            return True
        wanted = payload_text(selected, payload_type=news["payload_type"], payload_value=news["payload_value"])
        return not same_payload(news["payload_type"], wanted, str(olds.get("payload")))

    def read(self, id_: str, props: Props) -> ReadResult:
        from kindo_models.registration import flag_binding

        now = flag_binding.read(self.unleash(props), _flag_target(props))
        return ReadResult("", {}) if now is None else ReadResult(id_, _own(props, payload=now.value))

    def delete(self, id_: str, props: Props) -> None:
        from kindo_models.registration import flag_binding
        from kindo_models.registration.flag_binding import Bound, Payload

        previous = props.get("previous")
        ours = [str(value) for c in props["candidates"] for value in (c.get("model_id"), c.get("name")) if value]
        flag_binding.unbind(
            self.unleash(props),
            _flag_target(props),
            Payload(props["payload_type"], str(props["payload"])),
            Bound(Payload(**previous) if previous else None, created=props.get("created") is True),
            ours,
            log=tell,
        )


def _selection(props: Props) -> FlagSelection:
    selection = select_candidates(FlagCandidate.of(candidate) for candidate in props["candidates"])
    if props["holds"] == "one":
        return FlagSelection(selection.selected[:1], selection.removed, selection.unverified)
    return selection


def _flag_payload(props: Props) -> Payload:
    from kindo_models.registration.flag_binding import Payload, selection_error

    selection = _selection(props)
    if not selection.selected:
        raise selection_error(props["feature"], selection)
    for name in selection.unverified:
        tell(f"{props['feature']}: {name} stands in it without a passed gate")
    kind, value = props["payload_type"], props["payload_value"]
    return Payload(kind, payload_text(selection.selected, payload_type=kind, payload_value=value))


def _flag_target(props: Props) -> FlagTarget:
    from kindo_models.registration.flag_binding import FlagTarget

    weight = props.get("weight")
    return FlagTarget(
        project=props["project"],
        environment=props["environment"],
        feature=props["feature"],
        strategy=props["strategy"],
        variant=props["variant"],
        owner=props["owner"],
        create_missing=props.get("create_missing") is True,
        weight=int(weight) if weight is not None else None,
    )


class FlagBinding(Resource, module=MODULE, name="FlagBinding"):
    """One Unleash feature key: our strategy variant holds the registered candidates, in order.

    Everything else of the feature stays as it is. Deleting the resource gives the variant its previous payload back, or
    removes it if it was made here. Without a registered candidate the payload stays and the run fails.

    candidates: [{name, model_id, registered, status}] in order. holds: `one` takes the first, `many` all.
    payload_type: json (a list), csv, or string (the first). payload_value: modelId or modelName.
    create_missing: make the feature, and a strategy that is on for everybody, where there is none.
    weight: thousandths of the traffic for our variant when other variants stand beside it and ours is new.
    """

    payload: pulumi.Output[str]
    previous: pulumi.Output[dict[str, str] | None]
    created: pulumi.Output[bool]

    def __init__(
        self,
        resource_name: str,
        *,
        unleash_url: pulumi.Input[str],
        project: pulumi.Input[str],
        environment: pulumi.Input[str],
        feature: pulumi.Input[str],
        strategy: pulumi.Input[str],
        variant: pulumi.Input[str],
        payload_type: pulumi.Input[str],
        payload_value: pulumi.Input[str],
        candidates: pulumi.Input[Sequence[Mapping[str, Any]]],
        holds: pulumi.Input[str] = "many",
        create_missing: pulumi.Input[bool] = False,
        weight: pulumi.Input[int] | None = None,
        owner: pulumi.Input[str] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        props = _given(
            unleash_url=unleash_url,
            project=project,
            environment=environment,
            feature=feature,
            strategy=strategy,
            variant=variant,
            payload_type=payload_type,
            payload_value=payload_value,
            candidates=candidates,
            holds=holds,
            create_missing=create_missing,
            weight=weight,
            owner=owner or _owner(resource_name),
        )
        outputs = {"payload": None, "previous": None, "created": None}
        super().__init__(FlagBindingProvider(), resource_name, {**props, **outputs}, opts)


# --- RunResult ----------------------------------------------------------------------------------------------------


class RunResultProvider(_Provider):
    declared = ("verdicts", "withheld")

    def diff(self, _id: str, olds: Props, news: Props) -> DiffResult:
        """Times and evidence differ from run to run; what counts is who passed."""
        if contains_unknowns(news.get("verdicts")):
            return DiffResult(changes=True)
        before, now = _statuses(olds), _statuses(news)
        return DiffResult(changes=before != now or "fail" in now.values())

    def create(self, props: Props) -> CreateResult:
        _refuse_failures(props)
        return CreateResult("run-result", _own(props))

    def update(self, id_: str, olds: Props, news: Props) -> UpdateResult:
        _refuse_failures(news)
        return UpdateResult(_own(news))


def _statuses(props: Props) -> dict[str, str]:
    verdicts = props.get("verdicts") or {}
    return {model: str(v.get("status")) if isinstance(v, dict) else str(v) for model, v in verdicts.items()}


def _refuse_failures(props: Props) -> None:
    from kindo_models.verification.outcome import run_message

    if message := run_message(props.get("verdicts") or {}, props.get("withheld")):
        raise RegistrationError(message)


class RunResult(Resource, module=MODULE, name="RunResult"):
    """The last resource: fails the run when a verdict says fail, and lists every failing model with cause and fix.

    Let it depend on everything else, so that one model's failure stops nothing. It is not stored while it fails, so
    every `up` tries again. withheld: names of the models that are not registered, for the message.
    """

    def __init__(
        self,
        resource_name: str,
        *,
        verdicts: pulumi.Input[Mapping[str, pulumi.Input[Mapping[str, Any]]]],
        withheld: pulumi.Input[Sequence[str]] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(RunResultProvider(), resource_name, _given(verdicts=verdicts, withheld=withheld), opts)
