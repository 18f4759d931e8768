files-about = 📄 Send me a file: I keep it, read it, and you find it again by what it says.

# States of a file. They stand under its name.
files-status-received = ⏳ Received. Saving it…
files-status-stored = ⏳ Saved. Reading it…
files-status-processed = ⏳ Read. Making it searchable…
files-status-kept = ✅ Saved.
files-status-words = ✅ Searchable by its words.
files-status-meaning = ✅ Searchable by its words and its meaning.
files-status-label = ✅ Saved. Searchable by its name and caption.
files-status-unsearchable = ✅ Saved. There is nothing in it to search by; a caption would help.

files-pages = { $pages ->
    [one] { $pages } page
   *[other] { $pages } pages
}
files-words = { $words ->
    [one] { $words } word
   *[other] { $words } words
}

files-duplicate = 🔁 I have this file already: <b>{ $name }</b>. Here it came first.
files-gone = This file isn't here any more.

files-refused-large = ❌ { $size } MB are too many: Telegram lets me have at most { $limit } MB. Send it in parts, or compressed.

# Why a file can't be kept.
files-problem-duplicate = 🔁 I have it already, as <b>{ $original }</b>.
files-problem-too-large = ❌ It is larger than Telegram lets me download. Send it in parts, or compressed.
files-problem-empty-file = ❌ The file is empty: it has no bytes. Check it and send it again.
files-problem-gone = ❌ Telegram doesn't hand this file out any more. Send it again.
files-problem-dead = ❌ I couldn't save it, in several tries. Send it again later.

# Why it takes longer.
files-problem-no-room = ⏳ I can't save it right now, my storage doesn't take it. I'll keep trying.
files-problem-telegram-away = ⏳ Telegram doesn't hand it out right now. I'll keep trying.

# Why a file is kept but not read. They stand under its state.
files-problem-unsupported = I can't read this kind of file. I can read: { $supported }.
files-problem-encrypted = A password protects it, so I couldn't read it. Send it without the password.
files-problem-corrupt = It is damaged, I couldn't read it. Open it on your side and save it anew.
files-problem-no-text = I found no text in it.
files-problem-no-text-layer = Its pages are pictures without text, and I can't read pictures.
files-problem-no-text-layer-in-part = Some of its pages are pictures without text; those I couldn't read.
files-problem-damaged = It is damaged, I couldn't read it. Open it on your side and save it anew.
files-problem-damaged-in-part = It is damaged: I could read only a part of it.
files-problem-memory = Reading it would take more memory than I may use. Send it in parts.
files-problem-cpu = Reading it would take too long. Send it in parts.
files-problem-wall = Reading it would take too long. Send it in parts.
files-problem-output = It holds more text than I can take at once. Send it in parts.
files-problem-unpacked = It unpacks to more than I may take at once. Send it in parts.
files-problem-unsafe = It is built in a way that does harm when it is read, so I left it alone. Save it anew, or in another format.
files-problem-crash = My reader failed on it: something in the file is broken. Save it anew, or in another format.
files-problem-unread = I couldn't make it searchable, in several tries. The file itself is safe.
files-problem-lost-bytes = My copy of it is lost. Send it again.
