"""The stack: environment → plan → ModelPlatform → exports."""

import pulumi
import pulumi_kubernetes as kubernetes

from kindo_models import ModelPlatform, ModelPlatformArgs
from kindo_models.program import current_stack, stack_keys

stack = current_stack()
cluster = kubernetes.Provider("cluster", context=stack.environment.cluster.context)
keys = stack_keys(stack, cluster)
platform = ModelPlatform(
    "models",
    ModelPlatformArgs(plan=stack.plan, keys=keys.values, stored=keys.stored),
    pulumi.ResourceOptions(providers=[cluster]),
)
pulumi.export("models", platform.models)
pulumi.export("gateway", stack.environment.gateway.url or platform.gateway_url)
