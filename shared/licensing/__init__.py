"""Licences for on-premise agents: the domain, its use cases and the adapters they run on.

The rooms, and what each may import:

    domain        the rules, pure: nothing but itself
    usecases      what the service does, one verb to a module, against ports: domain
    contract      requests and answers, as models: domain, usecases
    adapters      the table, the bus, the secret, the identity provider, the log: all of the above
    entrypoints   HTTP, Lambda and the deployment, which puts it together: all of the above
"""
