"""The servers that are compared: each is a process of its own, and written as its framework's guide has it.

The rule: the job is `POST /scores`, both members checked in the framework's normal way, the mean
answered as JSON. What is counted is the same few lines for all of them, in `means`.
"""
