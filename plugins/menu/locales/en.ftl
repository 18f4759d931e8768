command-start = What this bot can do
command-help = All commands
command-settings = Language, time zone and more
command-cancel = Stop what we are in the middle of

menu-start = 👋 Hello, <b>{ $name }</b>!
menu-start-commands = What I can do:
    { $commands }
menu-help = <b>Commands</b>

    { $commands }

menu-settings = ⚙️ <b>Settings</b>

    Language: { $language }
    Time zone: { $zone }
    It is { $now } for you.
menu-settings-private = Settings are yours alone, so we talk about them in private.
menu-language = Which language shall I speak?
menu-timezone = Your time zone: { $zone }

    Name your city, or choose how far your clock is from UTC.
menu-timezone-city = Type your city or the nearest big one, like <i>Madrid</i>. /cancel leaves it as it is.
menu-timezone-which = Which of these is yours?
menu-timezone-unknown = I don't know a place called “{ $place }”. Try a bigger city nearby, or type the difference from UTC, like <code>+5:30</code>. /cancel leaves it as it is.
menu-timezone-set = Your time zone is { $zone } now.
menu-saved = Saved
menu-gone = This setting is gone.

menu-cancelled = Cancelled.
menu-nothing-to-cancel = There is nothing to cancel.

menu-button-ask-timezone = 🕒 Set my time zone
menu-button-language = 🌐 Language: { $language }
menu-button-timezone = 🕒 Time zone: { $zone }
menu-button-preference = { $title }: { $choice }
menu-button-city = 🔎 Type a city
menu-button-auto = As in Telegram
menu-button-back = « Back
menu-button-close = Close
menu-button-private = Open settings

menu-joined = 👋 Hello, <b>{ $title }</b>!
menu-privacy = 🔒 In this group I am given only commands and replies to me: that is Telegram's privacy mode. If I am to read everything, make me an administrator.
menu-group-settings = ⚙️ <b>Settings of this group</b>

    Language: { $language }
    Its administrators change them.
menu-group-language = Which language shall I speak in this group?
menu-each-their-own = each person's own
menu-admins-only = Only administrators of this group may change that.
menu-button-group = ⚙️ Settings of this group
