command-pair = Come in with a pairing code
command-invite = A code that lets somebody in
command-access = Who may use this bot

access-stranger = This bot is private. If you have a pairing code, write /pair and the code. Otherwise ask whoever runs the bot; your number is { $id }.
access-strange-group = I don't work in this group yet. Somebody with a pairing code can write /pair and the code here.
access-too-fast = You write faster than I may answer. Please go on in a minute.

access-pair-how = Write /pair and the code, for example <code>/pair 7KQM2XVD</code>.
access-welcome = 👋 Come in! /start tells you what I can do.
access-welcome-group = 👋 I work in this group now. /help tells you what I can do.
access-code-unknown = This code doesn't work: it may be mistyped, used up or too old. Ask for a new one.
access-too-many-tries = That was a few codes too many. Please try again in an hour.

access-invite =
    🎟 <code>{ $code }</code>

    { $uses ->
        [one] For one person or group
       *[other] For { $uses } people or groups
    }, until { $until }.
    In private: { $link }
    In a group: <code>/{ $pair } { $code }</code>
access-invite-how = For how many people? <code>/invite 5</code>, at most { $most }.

access-open = 🚪 <b>Access</b>: everybody may use this bot.
access-closed = 🚪 <b>Access</b>: by invitation. /invite makes a code.
access-listed =
    { $number ->
        [one] The settings let in one person or group.
       *[other] The settings let in { $number } people and groups.
    }
access-guests = Let in by a code:
access-no-guests = Nobody was let in by a code yet.
access-guest = • { $name } (<code>{ $id }</code>), { $since }
access-revoked = Done
access-button-revoke = ❌ { $name }
access-button-newer = ‹ Newer
access-button-older = Older ›
