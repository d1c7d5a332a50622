"""`make bench`: figures of one run on this machine, as medians with spread. Nothing here is asserted by a test."""
