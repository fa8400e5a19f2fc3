"""What is generated from the code, and committed: the OpenAPI document, words, tables, examples.

``python -m licensing_build`` writes it, with ``--check`` it says what is stale. Not shipped.

generated         which files there are, and whether they are as they have to be
openapi           the OpenAPI document
schemas           its schemas: names and words for callers
field_texts       what their fields mean
exchanges         its examples of requests and answers
problem_examples  its examples of problems
examples          an example of each kind of item, for the page about the table
story             the one story that all examples tell
words             the service's words, as Python has them
portal_types      the portal's types, of what the document says
portal            the words for the portal, in JavaScript
command_line      the words for the command line, a package that knows nothing of the service's
known_shared      the list of what computers share, for service, agent and other languages
tables            lists of codes for pages and for the dashboard
marked            the part of a file between two marks
"""
