module kindo-models/tools/vllm-shim

go 1.26.0
