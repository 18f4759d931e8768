command-search = Искать в своих файлах

search-about = 🔎 Напишите несколько слов, и я найду в ваших файлах места об этом: по словам и по смыслу.

search-usage = Напишите, что искать: <code>/search договор аренды</code>. В личном чате достаточно одних слов.
search-empty = Искать пока негде. Пришлите файл – PDF, документ Word, текст – и спросите ещё раз через минуту.
search-reading = Я ещё читаю ваши файлы. Спросите чуть позже.
search-wordless = Чтобы искать, мне нужно хотя бы одно слово или число.
search-none = По запросу «{ $query }» ничего не нашлось.
search-none-tips = Попробуйте другие слова или меньше слов. Только что присланные файлы ищутся не сразу.

search-found = { $files ->
    [one] 🔎 <b>{ $query }</b>: { $files } файл
    [few] 🔎 <b>{ $query }</b>: { $files } файла
    [many] 🔎 <b>{ $query }</b>: { $files } файлов
   *[other] 🔎 <b>{ $query }</b>: { $files } файла
}
search-corrected = <i>Так это нигде не написано, поэтому искал: { $words }</i>
search-cut = <i>Запрос очень длинный: искал по его началу.</i>
search-words-only = <i>Искал только по словам; поиск по смыслу скоро вернётся.</i>
search-place-page = стр. { $value }
search-place-slide = слайд { $value }
search-place-sheet = лист { $value }
search-place-line = строка { $value }
search-place-caption = подпись
search-page-gone = Файлов с этой страницы больше нет.

search-button-send = { $number }. 📎 Прислать файл
search-button-show = { $number }. ↩ Показать сообщение

search-original = Вот <b>{ $name }</b>.
search-original-gone = Сообщение, в котором пришёл <b>{ $name }</b>, удалено, но сам файл у меня есть: нажмите «Прислать файл».
search-file-gone = Этого файла больше нет.
search-expired = Этот список устарел. Поищите ещё раз.
