"""All models of an environment on the cheapest nodes that its cloud sells, with the reason and the next-best answers.

`market` tells what can be had, `demands` what each model may run on, `search` decides, `pack` makes the Placement.
"""
