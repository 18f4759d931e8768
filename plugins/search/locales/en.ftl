command-search = Search your files

search-about = 🔎 Write a few words and I'll find the passages about them in your files, by their words and by their meaning.

search-usage = Tell me what to look for: <code>/search rental contract</code>. In our private chat the words alone are enough.
search-empty = There is nothing to search yet. Send me a file – a PDF, a Word document, a text – and ask again in a moment.
search-reading = I am still reading your files. Ask again in a moment.
search-wordless = I need at least one word or number to search for.
search-none = I found nothing for “{ $query }”.
search-none-tips = Try fewer or other words. Files that you have just sent take a moment.

search-found = { $files ->
    [one] 🔎 <b>{ $query }</b>: { $files } file
   *[other] 🔎 <b>{ $query }</b>: { $files } files
}
search-corrected = <i>Nobody wrote it like that, so I searched: { $words }</i>
search-cut = <i>That was long: I searched for the beginning.</i>
search-words-only = <i>Searched by words alone; meaning will be back soon.</i>
search-place-page = p. { $value }
search-place-slide = slide { $value }
search-place-sheet = sheet { $value }
search-place-line = line { $value }
search-place-caption = caption
search-page-gone = The files of this page aren't here any more.

search-button-send = { $number }. 📎 Send file
search-button-show = { $number }. ↩ Show message

search-original = Here is <b>{ $name }</b>.
search-original-gone = The message that brought <b>{ $name }</b> was deleted, but I still have the file: use “Send file”.
search-file-gone = This file isn't here any more.
search-expired = This list has expired. Please search again.
