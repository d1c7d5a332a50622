"""Codes of findings about environments, stacks and levels: made where they are read, registered to be explained."""

from __future__ import annotations

from kindo_models.planning.rules.registry import made_elsewhere

_ENVIRONMENT = "the environment"
_COMMAND = "the command line"
_PLAN = "the plan"
_SPLIT = "the workload stack"

made_elsewhere(
    _COMMAND,
    "no-such-stack",
    "No stack of this project has the name.",
    "There is no stacks/Pulumi.<name>.yaml in the current folder.",
    "Correct the name, or change into the project's folder.",
)
made_elsewhere(
    _ENVIRONMENT,
    "base-not-found",
    "`extends` names a base that is not in stacks/base/.",
    "What it was meant to bring would be missing.",
    "Correct the name, or write stacks/base/NAME.yaml.",
)
made_elsewhere(
    _ENVIRONMENT,
    "extends-cycle",
    "Bases extend each other in a circle.",
    "None of them is the lowest, so it cannot be said what goes before what.",
    "Take `extends` out of one of them.",
)
made_elsewhere(
    _ENVIRONMENT,
    "not-a-map",
    "A base is no map of the environment's keys.",
    "There is nothing to merge.",
    "Write the keys at the top level of the file, without `config:`.",
)
made_elsewhere(
    _ENVIRONMENT,
    "settings-disagree",
    "Two settings of the environment exclude each other.",
    "Whichever counted, the other one would silently be ignored.",
    "Keep one of them.",
)
made_elsewhere(
    _ENVIRONMENT,
    "region-of-other-cloud",
    "A region is not written the way the cluster's cloud writes regions.",
    "The cloud would refuse it, after everything before it was made.",
    "Write the region as the cloud does: us-east-1 (AWS), eastus2 (Azure).",
)
made_elsewhere(
    _PLAN,
    "setting-not-used",
    "A setting is known and has no effect in this version.",
    "Somebody who wrote it expects something of it.",
    "Take it out, or leave it for a later version.",
    severity="warning",
)
made_elsewhere(
    _PLAN,
    "finding-not-switchable",
    "`findings` switches an error off.",
    "An error is what something would refuse later, or what is not safe; nobody may overlook it.",
    "Mend what it says, or lower it to `warning`: it is then shown and does not stop the run.",
)
made_elsewhere(
    _PLAN,
    "unknown-finding",
    "`findings` names a code that does not exist.",
    "The level that was meant for another code would silently not change.",
    "Correct the code; `kindo-models explain` lists them all.",
)
made_elsewhere(
    _SPLIT,
    "no-platform",
    "The platform stack exports no output `platform`.",
    "A workload has no gateway to be reached through.",
    "Set `part: platform` in that stack's environment and run `pulumi up` on it.",
)
made_elsewhere(
    _SPLIT,
    "platform-behind",
    "The platform's gateway does not route a model as the workload plans it.",
    "The model's check through the gateway would fail, or test another route.",
    "Run `pulumi up` on the platform stack with this contract first.",
)
made_elsewhere(
    _SPLIT,
    "platform-differs",
    "Platform and workload name different namespaces.",
    "Servers would be made where the gateway does not look for them.",
    "Let both stacks extend the same base.",
)
made_elsewhere(
    _SPLIT,
    "platform-unreadable",
    "The output `platform` has another form than this version reads.",
    "The two stacks run different releases of kindo-models.",
    "Bring both to the same release.",
)
