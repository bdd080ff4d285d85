"""A service as several processes on one machine: workers, and one that starts them.

Python decides on one core a process. A supervisor starts a worker process a core, each a member of
the service's group; it starts those that end again, and shows the metrics of all at one port.
"""
