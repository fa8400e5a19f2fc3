"""A page on which the portal's scripts are at hand, each by its name, and a part can be put."""

_INDEX = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8"><title>Parts</title>
<link rel="stylesheet" href="style.css"><script type="module" src="parts.js"></script>
</head>
<body><main id="main"><h1 tabindex="-1">Parts</h1><div id="part"></div></main>
<div id="announcements"></div></body>
</html>
"""
_SCRIPTS = ["across", "agent", "agents", "announcements", "api", "dialogs", "dom", "event-list"]
_SCRIPTS += [
    "facts",
    "feed",
    "fields",
    "filters",
    "form-drafts",
    "freshness",
    "labels",
    "list-page",
]
_SCRIPTS += ["loading", "machines", "names", "pager", "router", "session", "subject"]
_SCRIPTS += ["table", "temporary", "way-back"]
_JS = "\n".join(
    [
        *(f'import * as {name.replace("-", "_")} from "./{name}.js";' for name in _SCRIPTS),
        f"Object.assign(globalThis, {{ {', '.join(_SCRIPTS).replace('-', '_')} }});",
        "globalThis.put = (...parts) => document.getElementById('part').replaceChildren(...parts);",
        "globalThis.place = () => location.hash;",
        "globalThis.fromNow = (at = '2027-01-31T12:00:00Z') => labels.fromNow(at);",
    ]
)

FILES = {"index.html": _INDEX, "parts.js": _JS}
"""What such a page is made of, for a site that serves the portal's files, too."""
