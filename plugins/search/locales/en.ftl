command-search = Search your files

search-about = 🔎 Write a few words and I'll find the passages about them in your files, by their words and by their meaning.

search-usage = Tell me what to look for: <code>/search rental contract</code>. In our private chat the words alone are enough.
search-recent = You have searched for this lately:
search-empty = There is nothing to search yet. Send me a file – a PDF, a Word document, a text – and ask again in a moment.
search-reading = I am still reading your files. Ask again in a moment.
search-wordless = I need at least one word, number or filter to search for.
search-none = I found nothing for “{ $query }”.
search-stranger = Nobody called { $name } has sent files here.
search-none-filters = There would be something without one of the filters:
search-none-tips = Try fewer or other words. Files that you have just sent take a moment.

search-found = { $files ->
    [one] 🔎 <b>{ $query }</b>: { $files } file
   *[other] 🔎 <b>{ $query }</b>: { $files } files
}
search-listed = { $files ->
    [one] 🔎 { $files } file
   *[other] 🔎 { $files } files, the newest first
}
search-understood = <i>Only: { $filters }</i>
search-full = <i>There may be more; filters narrow it down.</i>
search-corrected = <i>Nobody wrote it like that, so I searched: { $words }</i>
search-cut = <i>That was long: I searched for the beginning.</i>
search-words-only = <i>Searched by words alone; meaning will be back soon.</i>
search-place-page = p. { $value }
search-place-slide = slide { $value }
search-place-sheet = sheet { $value }
search-place-line = line { $value }
search-place-member = in { $value }
search-place-message = message { $value }
search-place-chapter = chapter { $value }
search-place-time = at { $value }
search-place-cell = cell { $value }
search-place-row = row { $value }
search-place-caption = caption
search-page-gone = The files of this page aren't here any more.

search-button-file = 📎 Send file
search-button-link = 🔗 Link
search-button-message = ↩ Show message
search-button-filter = Filter ▾
search-button-clear = ✕ Clear filters
search-button-back = ‹ Back
search-button-forget = 🗑 Forget these
search-button-help = How to search
search-button-instead = Without “{ $filter }”: { $files ->
    [one] { $files } file
   *[other] { $files } files
}
search-button-instead-all = Without any filter: { $files ->
    [one] { $files } file
   *[other] { $files } files
}
search-button-send = { $number }. 📎 Send file
search-button-show = { $number }. ↩ Message
search-legend = <i>📎 send the file · ↩ show its message · 💡 why it was found</i>

search-original = Here is <b>{ $name }</b>.
search-original-gone = The message that brought <b>{ $name }</b> was deleted, but I still have the file: use “Send file”.
search-file-gone = This file isn't here any more.
search-expired = This list has expired. Please search again.
search-option-gone = This isn't on offer any more. Open the filters again.
search-not-yours = This list is somebody else's. Send /search with your own words.
search-forgotten = Done: what you searched for here is forgotten, and the buttons of those lists no longer work.
search-too-fast = You are searching faster than I may answer. Please go on in { $seconds ->
    [one] a second
   *[other] { $seconds } seconds
}.

search-facet-type = Kind
search-facet-date = Date
search-facet-from = Sender
search-facet-chat = Chat
search-facet-tag = Tag
search-facet-lang = Language
search-facet-size = Size

search-type-image = Pictures
search-type-video = Videos
search-type-audio = Audio
search-type-voice = Voice messages
search-type-document = Documents
search-type-animation = GIFs
search-type-sticker = Stickers
search-type-other = Other files
search-type-pdf = PDF
search-type-word = Word
search-type-sheet = Spreadsheets
search-type-slides = Presentations
search-type-text = Plain text
search-type-mail = E-mails
search-type-book = E-books
search-type-archive = Archives
search-type-code = Code
search-type-ending = .{ $ending }

search-from = from { $name }
search-from-me = from me
search-here = this chat
search-chat = chat { $id }
search-language = in { $language }
search-larger = { $size } or more
search-smaller = { $size } or less
search-size-b = { $number } B
search-size-kb = { $number } KB
search-size-mb = { $number } MB
search-size-gb = { $number } GB
search-today = today
search-yesterday = yesterday
search-last-days = { $days ->
    [one] today
   *[other] the last { $days } days
}
search-after = since { $date }
search-after-day = since { $date }
search-after-year = since { $year }
search-before = before { $date }
search-before-day = before { $date }
search-before-year = before { $year }
search-phrase = “{ $text }”
search-without = without “{ $text }”
search-not = not: { $filter }

search-hint-typo = <i>“{ $text }” is no filter. Did you mean <code>{ $meant }</code>?</i>
search-hint-key = <i>I know no filter “{ $text }”, so I searched for the words.</i>
search-hint-value = <i>I don't understand “{ $text }”, so I searched for the words. It works like this: <code>{ $example }</code></i>
search-hint-not = <i>“{ $text }” can't be excluded, so I left it out.</i>
search-hint-many = <i>Those were too many filters: I kept the first ones.</i>

search-why = <b>Why this result</b>
search-why-words = Words ({ $share } %): { $words }
search-why-no-words = None of your words is in it: it was found by its meaning.
search-why-meaning-close = Meaning ({ $share } %): very close to your query ({ $figure } of 1)
search-why-meaning-near = Meaning ({ $share } %): close to your query ({ $figure } of 1)
search-why-meaning-far = Meaning ({ $share } %): loosely related to your query ({ $figure } of 1)
search-why-phrase = Word order ({ $share } %): words stand side by side as in your query
search-why-name = File name ({ $share } %): it has words of your query
search-why-filters = Filters: { $filters }
search-match-exact = { $word }
search-match-form = “{ $typed }” as “{ $found }”
search-match-beginning = “{ $typed }” as the beginning of “{ $found }”
search-match-typo = “{ $typed }”, a typo for “{ $found }”
search-match-keyboard = “{ $typed }”, typed on the other keyboard for “{ $found }”

search-help = <b>How to search</b>
    Write what you remember, in your own words and in any language. Filters narrow it down:

    <code>type:pdf</code>  a kind: photo, video, word, sheet, mail…
    <code>from:@ann</code>  who sent it; <code>from:me</code>
    <code>tag:tax</code>  a tag
    <code>after:2026-01 before:15.03.2026</code>
    <code>on:yesterday</code>  <code>on:7d</code>  the last seven days
    <code>lang:ru</code>  language of the text
    <code>size:&gt;5mb</code>  <code>size:&lt;1mb</code>
    <code>"exact words"</code>  just so
    <code>-draft</code>  <code>-type:photo</code>  without it

    Filters alone list the newest files. Under the results, <b>Filter ▾</b> does the same by hand, and 💡 tells why a result was found. Try it:
search-example-1 = type:pdf after:30d
search-example-2 = type:photo on:week
search-example-3 = contract -draft
search-example-4 = size:>5mb
