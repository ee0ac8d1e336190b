"""What a process that serves does once it has started, for its answers not to wait for the collector later.

Rule: only processes that are ours do it, the commands and their workers: whoever runs the server within a
program of their own decides for that program.
"""

import gc

__all__ = ["settle"]


def settle() -> None:
    """Has Python's collector never look again at what there is by now: modules, classes, routes.

    They stay as long as the process, some 44,000 objects, and a full collection visits each: 21 ms in which
    nobody is answered. What is stored it does not visit anyway (`scores.stores.embedded`).
    """
    gc.collect()
    gc.freeze()
