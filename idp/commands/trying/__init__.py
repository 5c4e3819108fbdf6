"""``idp clients try``: the walk through a sign-in of a service, each station a file."""
