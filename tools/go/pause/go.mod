module kindo-models/tools/pause

go 1.26.0
