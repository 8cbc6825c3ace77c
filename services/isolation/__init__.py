"""Task handlers in processes of their own: a segfault, a hang or a flood of memory costs one attempt.

    host process                      nursery (one per host, one thread)        child (one per attempt)
    runner, supervision, nursery  ->  nursery_process: imports what handlers  ->  child: limits, adapters of
    (a thread per running task)       need, forks, reaps, kills groups            its own, the handler

The host has many threads and never forks; the nursery has none and does. A fork of it costs milliseconds
where a new interpreter would import GDAL and the adapters for a second. Four ways lead from the host to a
child, all made by the host and handed over through the nursery's socket:

    order     a file: what to do (`orders.Order`)
    answer    a file: the result or the error (`orders.Answer`); as large as it has to be
    channel   a socket: progress and log records to the host, one word to the child: stop
    output    a pipe: what native code prints

What crosses is JSON and never pickle: a child that was taken over must not be able to hand code to the host.
This is no jail: the child has the application's rights and secrets.

Why not the standard library's forkserver: it runs the host's main module again in each child, and that is
the Functions worker with its gRPC; up to 3.12 it swallows failed preloads and preloads with another import
path than the host's; and when the host dies it leaves the children alone. Process pools (concurrent.futures,
loky, pebble) put one task's fate on its neighbours or on the next task in the same process.
"""
