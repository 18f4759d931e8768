# Messages that the host itself sends. Ids begin with core-.

core-menu-expired = This menu has expired.
core-menu-again = That menu has expired. Here is what I can do:
core-unknown-command = I don't know that command. Here is what I can do:
core-hint = I don't know what to do with this. Here is what I can do:
core-paused = This feature is taking a short break. Please try again in a minute.
core-unavailable = This feature isn't available to you here.
core-failed = Sorry, something went wrong. If it happens again, tell the operator this number: <code>{ $trace }</code>
core-failed-short = Sorry, something went wrong (number { $trace }).
core-interrupted = I was restarted in the middle of my answer. What you asked for is done; if my answer is missing, just ask again.
