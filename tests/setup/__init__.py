"""What the tests need beside Python, found on this machine or brought along.

    environment     a Python environment that holds what lock files say; needs nothing but Python
    registry        all that has to be here: `python -m tests.setup` sees to it
    needs           what a need is
    java            a Java runtime: the machine's, or one from the package index
    node            Node and npm: the machine's, or those from the package index
    dynamodb_local  AWS's own DynamoDB engine
    chromium        a browser for the portal's tests: the machine's, or one that is unpacked
    clients         generators of clients in two languages
    packages        installs programs that come as Python packages
    plugin          leaves out, in words, the tests whose needs are not here
    locks           what is installed, with the hash of each file
    npm             likewise, of npm's packages

What the machine has is preferred. Whatever is brought lies in `.cache`, checked against a hash that
is locked here.
"""
