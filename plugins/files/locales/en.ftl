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

# Of a file that is read page by page.
files-part = Page { $part } of { $parts }

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
files-unavailable = I can't get this file from my storage right now. Try again in a few minutes.
files-archived = This file lies in the archive. I've asked for it; that takes up to a day. Try again then.

files-link =
    🔗 This link works for { $minutes ->
        [one] a minute
       *[other] { $minutes } minutes
    }, for anybody who has it.
files-no-links = There are no links to files here any more.
files-refused-large = ❌ { $size } MB is too much: Telegram lets me have at most { $limit } MB. Send it in parts, or compressed.
files-refused-count = ❌ You have { $files } files here, as many as I keep for one person. Delete some with /files and empty the trash, then send this one again.
files-refused-space = ❌ Your files take { $used } of the { $limit } MB that I keep for one person. Delete some with /files and empty the trash, then send this one again.
files-refused-rate =
    ❌ I take { $limit } files a minute from one person. Please send this one again in { $seconds ->
        [one] a second
       *[other] { $seconds } seconds
    }.
files-refused-waiting = ❌ { $files } of your files still wait to be read. Please send this one again when they are done.
files-refused-busy = ❌ Very many files are waiting just now. Please send this one again in a few minutes.

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
files-problem-picture = I can't read what stands in pictures here.
files-problem-script = I can't read { $what ->
    [cyrillic] Cyrillic
    [greek] Greek
    [arabic] Arabic
    [hebrew] Hebrew
    [han] Chinese
    [japanese] Japanese
    [hangul] Korean
    [devanagari] Devanagari
    [bengali] Bengali
    [tamil] Tamil
    [thai] Thai
    [georgian] Georgian
    [armenian] Armenian
    [latin] Latin letters
   *[other] this script
} in pictures here.
files-problem-script-in-part = Some of it I couldn't read: { files-problem-script }
files-problem-illegible = There is writing in the picture, but too unclear for me to read. A sharper one would help.
files-problem-illegible-in-part = Some of it is too unclear for me to read. A sharper picture would help.
files-problem-pages-left = It has more scanned pages than I read in one file. Send it in parts.
files-problem-pages-left-in-part = It has more scanned pages than I read in one file: the last ones are left out. Send it in parts.
files-problem-memory-in-part = A part of it would take more memory than I may use, so I left it out.
files-problem-cpu-in-part = A part of it would take too long to read, so I left it out.
files-problem-wall-in-part = A part of it would take too long to read, so I left it out.
files-problem-output-in-part = A part of it holds more text than I can take at once, so I left it out.
files-problem-crash-in-part = My reader failed on a part of it, so I left that out.
files-problem-corrupt-in-part = A part of it is damaged, so I left that out.
files-problem-unsupported-in-part = A part of it I can't read, so I left that out.
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

# /files
command-files = Your files: find, rename, tag, delete
command-tag = Tag the file you reply to
files-word-trash = trash

files-list = 🗂 <b>{ $files ->
    [0] Your files
    [one] { $files } file
   *[other] { $files } files
}</b>
files-list-chosen = { $chosen }: { $files ->
    [one] { $files } file
   *[other] { $files } files
}
files-list-coming = { $files ->
    [one] ⏳ { $files } more is on its way.
   *[other] ⏳ { $files } more are on their way.
}
files-list-empty = There is nothing here yet. Send me a file, and I'll keep it.
files-list-nothing = None of your files is like that.
files-choose-kind = Which kind of files?
files-choose-tag = Which tag?
files-no-tags = No file has a tag yet. Reply to a file with #words, or write them into its caption.
files-tag-any = Any tag
files-tag-unknown = No file has the tag #{ $tag }.

files-kind-all = All kinds
files-kind-images = Pictures
files-kind-videos = Videos
files-kind-audio = Music
files-kind-documents = Documents
files-kind-voice = Voice
files-kind-animations = Animations
files-kind-stickers = Stickers
files-kind-other = Other

files-button-send = 📎 Send file
files-button-show = 💬 Show message
files-button-link = 🔗 Link
files-button-open = ⬇️ Download
files-button-fresh = 🔄 Fresh link
files-button-rename = ✏️ Rename
files-button-tags = 🏷 Tags
files-button-delete = 🗑 Delete
files-button-back = ‹ Back
files-button-to-files = ‹ Files
files-button-done = ✓ Done
files-button-type = ✍️ Another one…
files-button-trash-it = Delete
files-button-keep = Keep
files-button-undo = ↩️ Undo
files-button-restore = ↩️ Restore
files-button-erase = ❌ Delete for good
files-button-erase-it = Delete for good
files-button-trash = 🗑 Trash ({ $files })
files-button-empty-trash = ❌ Empty the trash

files-card-from = { $date }, from { $name }
files-size-bytes = { $size ->
    [one] { $size } byte
   *[other] { $size } bytes
}
files-size-kb = { $size } KB
files-size-mb = { $size } MB
files-fact-title = Title: { $value }
files-fact-author = Author: { $value }
files-fact-performer = Performer: { $value }
files-fact-written_at = Written: { $value }
files-fact-emoji = Emoji: { $value }
files-fact-set_name = Set: { $value }
files-fact-place = Place: { $value }
files-fact-camera = Camera: { $value }
files-fact-taken_at = Taken: { $value }

files-original = Here it came: <b>{ $name }</b>
files-original-gone = The message that brought <b>{ $name }</b> isn't there any more.

files-ask-name = What shall <b>{ $name }</b> be called? Write the new name, or /cancel.
files-name-empty = Nothing is left of this name. Write one with letters or digits, or /cancel.
files-name-long = { $length } characters are too many for a name, { $longest } are possible. Write a shorter one, or /cancel.

files-tags-of = Press a tag to take it off (✕) or to give it (＋).
files-ask-tags = Which tags for <b>{ $name }</b>? Write words with spaces or commas between them, or /cancel.
files-tags-none = I see no tag in this. Write words of letters and digits, as in: tax, car insurance
files-tag-long = The tag “{ $tag }” is too long: { $longest } characters are possible.
files-tags-many = These are too many tags: a file can have { $most }.
files-tags-now = 🏷 <b>{ $name }</b>: { $tags }
files-tags-now-none = 🏷 <b>{ $name }</b> has no tags now.
files-tag-usage = Reply to a file with <code>/tag tax, car</code>, or just with <code>#tax</code>. With <code>/tag -tax</code> you take a tag off.
files-tag-no-file = This message brought no file that I keep.

files-ask-delete = Delete <b>{ $name }</b>? { $days ->
    [0] Nobody finds it any more then.
    [one] It stays in the trash for a day.
   *[other] It stays in the trash for { $days } days.
}
files-trashed = 🗑 <b>{ $name }</b> is in the trash.
files-ask-erase = Delete <b>{ $name }</b> for good? Nothing brings it back then.
files-erased = ❌ <b>{ $name }</b> is deleted.
files-trash = 🗑 <b>{ $files ->
    [one] { $files } file in the trash
   *[other] { $files } files in the trash
}</b>
files-trash-days = { $days ->
    [0] They are deleted for good within the hour.
    [one] Each is deleted for good after a day.
   *[other] Each is deleted for good after { $days } days.
}
files-trash-empty = 🗑 The trash is empty.
files-ask-empty = { $files ->
    [one] Delete { $files } file for good? Nothing brings it back then.
   *[other] Delete { $files } files for good? Nothing brings them back then.
}
files-emptied = ❌ { $files ->
    [one] { $files } file is deleted.
   *[other] { $files } files are deleted.
}
files-back-from-trash = ♻️ <b>{ $name }</b> was in the trash. It's back.
files-not-yours = Only whoever sent this file and the group's admins may change it.
files-not-admin = Only the group's admins may empty the trash.

# One message about files that came together.
files-batch = 🗂 <b>{ $files ->
    [one] { $files } file
   *[other] { $files } files
}</b>
files-batch-coming = ⏳ { $files } being saved and read
files-batch-meaning = ✅ { $files } searchable by words and meaning
files-batch-found = ✅ { $files } searchable by words
files-batch-kept = ✅ { $files } saved, with nothing to search by
files-batch-duplicates = 🔁 { $files } I had already
files-batch-failed = ❌ { $files } I couldn't save
files-batch-more = and { $files } more
