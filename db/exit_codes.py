"""How commands end, by number: all done; done, but some input has problems; stopped early, the same command goes on."""

DONE, SOME_PROBLEMS, STOPPED = 0, 1, 3
