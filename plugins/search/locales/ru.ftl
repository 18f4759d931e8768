command-search = Искать в своих файлах

search-about = 🔎 Напишите несколько слов, и я найду в ваших файлах места об этом: по словам и по смыслу.

search-usage = Напишите, что искать: <code>/search договор аренды</code>. В личном чате достаточно одних слов.
search-recent = Недавно вы искали:
search-empty = Искать пока негде. Пришлите файл – PDF, документ Word, текст – и спросите ещё раз через минуту.
search-reading = Я ещё читаю ваши файлы. Спросите чуть позже.
search-wordless = Чтобы искать, мне нужно хотя бы одно слово, число или фильтр.
search-none = По запросу «{ $query }» ничего не нашлось.
search-stranger = Никто по имени { $name } файлов сюда не присылал.
search-none-filters = Без одного из фильтров кое-что нашлось бы:
search-none-tips = Попробуйте другие слова или меньше слов. Только что присланные файлы ищутся не сразу.

search-found = { $files ->
    [one] 🔎 <b>{ $query }</b>: { $files } файл
    [few] 🔎 <b>{ $query }</b>: { $files } файла
    [many] 🔎 <b>{ $query }</b>: { $files } файлов
   *[other] 🔎 <b>{ $query }</b>: { $files } файла
}
search-listed = { $files ->
    [1] 🔎 { $files } файл
    [one] 🔎 { $files } файл, сначала новые
    [few] 🔎 { $files } файла, сначала новые
    [many] 🔎 { $files } файлов, сначала новые
   *[other] 🔎 { $files } файла, сначала новые
}
search-understood = <i>Только: { $filters }</i>
search-full = <i>Может быть, есть и ещё: уточните фильтрами.</i>
search-corrected = <i>Так это нигде не написано, поэтому искал: { $words }</i>
search-cut = <i>Запрос очень длинный: искал по его началу.</i>
search-words-only = <i>Искал только по словам; поиск по смыслу скоро вернётся.</i>
search-place-page = стр. { $value }
search-place-slide = слайд { $value }
search-place-sheet = лист { $value }
search-place-line = строка { $value }
search-place-member = в файле { $value }
search-place-message = письмо { $value }
search-place-chapter = глава { $value }
search-place-time = { $value }
search-place-cell = ячейка { $value }
search-place-row = строка { $value }
search-place-caption = подпись
search-page-gone = Файлов с этой страницы больше нет.

search-button-file = 📎 Прислать файл
search-button-link = 🔗 Ссылка
search-button-message = ↩ Показать сообщение
search-button-filter = Фильтры ▾
search-button-clear = ✕ Сбросить фильтры
search-button-back = ‹ Назад
search-button-forget = 🗑 Забыть это
search-button-help = Как искать
search-button-instead = Без «{ $filter }»: { $files ->
    [one] { $files } файл
    [few] { $files } файла
    [many] { $files } файлов
   *[other] { $files } файла
}
search-button-instead-all = Без фильтров: { $files ->
    [one] { $files } файл
    [few] { $files } файла
    [many] { $files } файлов
   *[other] { $files } файла
}
search-button-send = { $number }. 📎 Прислать файл
search-button-show = { $number }. ↩ Сообщение
search-legend = <i>📎 прислать файл · ↩ показать сообщение · 💡 почему найдено</i>

search-original = Вот <b>{ $name }</b>.
search-original-gone = Сообщение, в котором пришёл <b>{ $name }</b>, удалено, но сам файл у меня есть: нажмите «Прислать файл».
search-file-gone = Этого файла больше нет.
search-expired = Этот список устарел. Поищите ещё раз.
search-option-gone = Этого варианта больше нет. Откройте фильтры ещё раз.
search-not-yours = Это список другого человека. Отправьте /search со своим запросом.
search-forgotten = Готово: я забыл, что вы здесь искали, и кнопки тех списков больше не работают.
search-too-fast = Вы ищете быстрее, чем мне можно отвечать. Продолжить можно через { $seconds ->
    [one] { $seconds } секунду
    [few] { $seconds } секунды
    [many] { $seconds } секунд
   *[other] { $seconds } секунды
}.

search-facet-type = Тип
search-facet-date = Дата
search-facet-from = Отправитель
search-facet-chat = Чат
search-facet-tag = Метка
search-facet-lang = Язык
search-facet-size = Размер

search-type-image = Картинки
search-type-video = Видео
search-type-audio = Аудио
search-type-voice = Голосовые
search-type-document = Документы
search-type-animation = Гифки
search-type-sticker = Стикеры
search-type-other = Другие файлы
search-type-pdf = PDF
search-type-word = Word
search-type-sheet = Таблицы
search-type-slides = Презентации
search-type-text = Тексты
search-type-mail = Письма
search-type-book = Книги
search-type-archive = Архивы
search-type-code = Код
search-type-ending = .{ $ending }

search-from = от { $name }
search-from-me = от меня
search-here = этот чат
search-chat = чат { $id }
search-language = язык: { $language }
search-larger = от { $size }
search-smaller = до { $size }
search-size-b = { $number } Б
search-size-kb = { $number } КБ
search-size-mb = { $number } МБ
search-size-gb = { $number } ГБ
search-today = сегодня
search-yesterday = вчера
search-last-days = { $days ->
    [one] последний { $days } день
    [few] последние { $days } дня
    [many] последние { $days } дней
   *[other] последние { $days } дня
}
search-after = с { $date }
search-after-day = с { $date }
search-after-year = с { $year } года
search-before = до { $date }
search-before-day = до { $date }
search-before-year = до { $year } года
search-phrase = «{ $text }»
search-without = без «{ $text }»
search-not = кроме: { $filter }

search-hint-typo = <i>«{ $text }» – не фильтр. Может быть, <code>{ $meant }</code>?</i>
search-hint-key = <i>Фильтра «{ $text }» я не знаю, поэтому искал по словам.</i>
search-hint-value = <i>Не понимаю «{ $text }», поэтому искал по словам. Пишется так: <code>{ $example }</code></i>
search-hint-not = <i>«{ $text }» исключить нельзя, поэтому я это пропустил.</i>
search-hint-many = <i>Фильтров слишком много: я взял первые.</i>

search-why = <b>Почему это здесь</b>
search-why-words = Слова ({ $share } %): { $words }
search-why-no-words = Ваших слов здесь нет: нашлось по смыслу.
search-why-meaning-close = Смысл ({ $share } %): очень близок к запросу ({ $figure } из 1)
search-why-meaning-near = Смысл ({ $share } %): близок к запросу ({ $figure } из 1)
search-why-meaning-far = Смысл ({ $share } %): отдалённо связан с запросом ({ $figure } из 1)
search-why-phrase = Порядок слов ({ $share } %): слова стоят рядом, как в запросе
search-why-name = Имя файла ({ $share } %): в нём есть слова запроса
search-why-filters = Фильтры: { $filters }
search-match-exact = { $word }
search-match-form = «{ $typed }» как «{ $found }»
search-match-beginning = «{ $typed }» как начало слова «{ $found }»
search-match-typo = «{ $typed }» – опечатка вместо «{ $found }»
search-match-keyboard = «{ $typed }» – «{ $found }» в другой раскладке

search-help = <b>Как искать</b>
    Напишите, что помните, своими словами и на любом языке. Уточнить помогут фильтры:

    <code>тип:pdf</code>  вид файла: фото, видео, таблица, письмо…
    <code>от:@ann</code>  кто прислал; <code>от:меня</code>
    <code>метка:налоги</code>  метка
    <code>после:2026-01 до:15.03.2026</code>
    <code>дата:вчера</code>  <code>дата:7д</code>  последние семь дней
    <code>язык:en</code>  язык текста
    <code>размер:&gt;5мб</code>  <code>размер:&lt;1мб</code>
    <code>«точные слова»</code>  именно так
    <code>-черновик</code>  <code>-тип:фото</code>  без этого

    Одни фильтры без слов покажут самые новые файлы. Кнопка <b>Фильтры ▾</b> под результатами делает то же самое, а 💡 объясняет, почему файл нашёлся. Попробуйте:
search-example-1 = тип:pdf после:30д
search-example-2 = тип:фото за:неделю
search-example-3 = договор -черновик
search-example-4 = размер:>5мб
