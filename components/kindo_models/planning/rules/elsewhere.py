"""Codes that are made elsewhere than by a rule of this package: registered here, so that each can be explained."""

from __future__ import annotations

from kindo_models.planning.rules.registry import made_elsewhere

_READING = "reading the file"
_STRUCTURE = "the contract's structure"
_ENVIRONMENT = "the environment"
_PLAN = "the plan"


made_elsewhere(
    _READING,
    "unreadable-file",
    "The file cannot be read, or is not UTF-8 text.",
    "Nothing else can be said about it.",
    "Check path and permissions; save it as UTF-8.",
)
made_elsewhere(
    _READING,
    "invalid-yaml",
    "The file is not one YAML document of plain data.",
    "Tabs, control characters, tags, aliases that contain themselves, several documents, nesting or size beyond use.",
    "Look at the line that is named and the one above it.",
)
made_elsewhere(
    _READING,
    "file-too-large",
    "The file is larger than 4 MiB.",
    "A contract of 1,000 entries has about 0.5 MB, so this is something else.",
    "Name the contract file.",
)
made_elsewhere(
    _READING,
    "duplicate-key",
    "A key is written twice in one map.",
    "YAML forbids it, and readers disagree which one counts.",
    "Keep one of them.",
)
made_elsewhere(
    _STRUCTURE,
    "no-models",
    "The file has no list `models:`.",
    "There is nothing to serve or register.",
    "Write the entries under a top-level key `models:`.",
)
made_elsewhere(
    _STRUCTURE,
    "unknown-key",
    "A key is none of those that are documented.",
    "It would be ignored, and what it was meant to set is not set.",
    "Correct the name; `kindo-models schema` lets editors complete it.",
)
made_elsewhere(_STRUCTURE, "missing-key", "A required key is missing or empty.", "Kindo refuses the entry.", "Add it.")
made_elsewhere(
    _STRUCTURE,
    "wrong-type",
    "A value is of another type than its key, or outside of its bounds.",
    "Kindo, LiteLLM or vLLM would refuse it, or read it as something else.",
    "Write text in quotes, numbers in digits without quotes, lists with dashes.",
)
made_elsewhere(
    _STRUCTURE,
    "not-allowed",
    "A value is none of the words that its key knows.",
    "Kindo refuses it. Case counts.",
    "Write one of the words that the message names.",
)
made_elsewhere(
    _STRUCTURE,
    "invalid-value",
    "A value fails a check of its own.",
    "What reads it would refuse it.",
    "The message says what it must be.",
)
made_elsewhere(
    _ENVIRONMENT,
    "no-environment",
    "No environment is named, or the stack file holds none.",
    "A plan needs to know where everything runs.",
    "Use --stack NAME or --environment FILE; see docs/environment.md.",
)
made_elsewhere(
    _ENVIRONMENT,
    "no-contract",
    "No contract file is named.",
    "With --environment there is no default one.",
    "Name it: `kindo-models COMMAND CONTRACT …`.",
)
made_elsewhere(
    _ENVIRONMENT,
    "missing-variable",
    "The environment names a process variable that is not set.",
    "The setting has no value.",
    'Set it; for the stack local: `eval "$(make env)"`.',
)
made_elsewhere(
    _ENVIRONMENT,
    "unknown-provider",
    "The environment redirects a provider that does not exist.",
    "The setting has no effect.",
    "Use one of the names in docs/environment.md.",
)
made_elsewhere(
    _ENVIRONMENT,
    "provider-setting-unused",
    "The environment sets something for a provider that does not have it.",
    "`region` is Bedrock's and `apiVersion` is Azure's; elsewhere they have no effect.",
    "Remove it, or write it under the right provider.",
    severity="warning",
)
made_elsewhere(
    _ENVIRONMENT,
    "retries-of-unknown-model",
    "The environment sets retries for a model that the contract does not have.",
    "LiteLLM ignores them, and the model that was meant has the default.",
    "Write the entry's litellmModelName.",
    severity="warning",
)
made_elsewhere(
    _ENVIRONMENT,
    "unknown-flag-preset",
    "No Kindo release of this name is known.",
    "Which flags it reads is then unknown.",
    "Use a preset of the catalog.",
)
made_elsewhere(
    _ENVIRONMENT,
    "litellm-release-denied",
    "The LiteLLM release must not be used.",
    "It is compromised or known to leak; the message names the advisory.",
    "Use a release above the catalog's preferred floor.",
)
made_elsewhere(
    _ENVIRONMENT,
    "litellm-below-floor",
    "The LiteLLM release has known security holes.",
    "The gateway holds every provider's key.",
    "Use a release above the floor.",
)
made_elsewhere(
    _ENVIRONMENT,
    "litellm-below-preferred-floor",
    "The LiteLLM release is below the one that is preferred.",
    "Its signatures cannot be verified in the way of later ones.",
    "Use a later release.",
    severity="warning",
)
made_elsewhere(
    _PLAN,
    "image-without-digest",
    "An image is named by tag only.",
    "A tag can be moved to other content after it was checked.",
    "Write repository@sha256:….",
    severity="warning",
)
made_elsewhere(
    _PLAN,
    "gpu-count-missing",
    "A vLLM server has no GPUs.",
    "vLLM's release images run on GPUs only.",
    "Write `deploy: {gpu: {type: H100, count: 2}}`.",
)
made_elsewhere(
    _PLAN,
    "missing-secret",
    "A `${VAR}` of the contract is found nowhere.",
    "An error in `pulumi up`; a finding in a preview, where secrets may be absent.",
    "Export it, run `pulumi config set --secret`, or name its Secret or ExternalSecret in the environment.",
)
made_elsewhere(
    _PLAN,
    "verification-off",
    "The gate does not stop models that fail.",
    "A model that cannot be reached or cannot call tools is registered all the same, and Kindo gets the blame.",
    "Set `verification.onFailure: block`.",
    severity="warning",
    pitfall="Skipped verification",
)
