"""The whole service on one machine: no AWS account, no Docker, nothing but this process.

`python -m tests.local run` leaves it running, `python -m tests.local demo` tells a story against
it. Everything that is deployed is read from `template.yaml` and every request runs the same
handlers that AWS runs, so the local service cannot drift apart from the deployed one.

    template      template.yaml with its intrinsics turned into plain values
    patterns      which events a rule or a stream's filter is for
    deployment    what the template deploys: functions and all that calls them
    aws           AWS itself, as moto in this process, one call at a time
    identity      the user pool, its users and their passwords
    signin        the pages that people sign in to the portal on
    authorizer    which tokens a JWT authorizer lets through
    execution     handlers, called as the Lambda runtime calls them
    events        HTTP requests as API Gateway's events, and answers back
    gateway       routes a request: authorizer, function, answer
    asynchronous  events that nobody waits for: tried again, then given up
    stream        the table's changes, handed to a function in batches
    bus           the event bus: remembers what is on it, and hands it to its functions
    dead_letters  the queues of what was given up
    pump          keeps events flowing, from the stream to the bus and on
    control       the `/_local` routes, and Cognito's own for logging in
    server        the socket on 127.0.0.1
    schedule      runs what the template schedules
    stack         starts all of it in order, and stops it in reverse
    client        an HTTP client for the story and the seed
    cast          the organizations and machines that play in it
    story         the story that `demo` tells, in chapters
    containers    the template for `sam local`
    pasted        what `run` prints: users, and curl lines to paste
    terminal      gives the terminal back as it was
    output        keeps the functions' log and what they print apart
    commands      `run`, `demo` and `smoke`
"""
