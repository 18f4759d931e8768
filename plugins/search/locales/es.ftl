command-search = Buscar en tus archivos

search-about = 🔎 Escribe unas palabras y encontraré en tus archivos los pasajes que tratan de ellas, por las palabras y por el significado.

search-usage = Dime qué buscar: <code>/search contrato de alquiler</code>. En nuestro chat privado bastan las palabras.
search-recent = Hace poco buscaste:
search-empty = Todavía no hay dónde buscar. Envíame un archivo (un PDF, un documento de Word, un texto) y pregunta de nuevo en un momento.
search-reading = Todavía estoy leyendo tus archivos. Pregunta de nuevo en un momento.
search-wordless = Para buscar necesito al menos una palabra, un número o un filtro.
search-none = No he encontrado nada sobre «{ $query }».
search-stranger = Nadie llamado { $name } ha enviado archivos aquí.
search-none-filters = Sin uno de los filtros sí habría algo:
search-none-tips = Prueba con menos palabras o con otras. Los archivos que acabas de enviar tardan un momento.

search-found = { $files ->
    [one] 🔎 <b>{ $query }</b>: { $files } archivo
    [many] 🔎 <b>{ $query }</b>: { $files } de archivos
   *[other] 🔎 <b>{ $query }</b>: { $files } archivos
}
search-listed = { $files ->
    [one] 🔎 { $files } archivo
    [many] 🔎 { $files } de archivos, primero los más nuevos
   *[other] 🔎 { $files } archivos, primero los más nuevos
}
search-understood = <i>Solo: { $filters }</i>
search-full = <i>Puede que haya más; los filtros ayudan a acotar.</i>
search-corrected = <i>Así no aparece en ningún sitio; he buscado: { $words }</i>
search-cut = <i>Era muy largo: he buscado el comienzo.</i>
search-words-only = <i>He buscado solo por palabras; el significado volverá pronto.</i>
search-place-page = pág. { $value }
search-place-slide = diapositiva { $value }
search-place-sheet = hoja { $value }
search-place-line = línea { $value }
search-place-member = en { $value }
search-place-message = mensaje { $value }
search-place-chapter = capítulo { $value }
search-place-time = { $value }
search-place-cell = celda { $value }
search-place-row = fila { $value }
search-place-caption = pie de foto
search-page-gone = Los archivos de esta página ya no están.

search-button-file = 📎 Enviar archivo
search-button-link = 🔗 Enlace
search-button-message = ↩ Ver mensaje
search-button-filter = Filtrar ▾
search-button-clear = ✕ Quitar filtros
search-button-back = ‹ Volver
search-button-forget = 🗑 Olvidar esto
search-button-help = Cómo buscar
search-button-instead = Sin «{ $filter }»: { $files ->
    [one] { $files } archivo
    [many] { $files } de archivos
   *[other] { $files } archivos
}
search-button-instead-all = Sin filtros: { $files ->
    [one] { $files } archivo
    [many] { $files } de archivos
   *[other] { $files } archivos
}
search-button-send = { $number }. 📎 Enviar archivo
search-button-show = { $number }. ↩ Mensaje
search-legend = <i>📎 enviar el archivo · ↩ ver su mensaje · 💡 por qué aparece</i>

search-original = Aquí está <b>{ $name }</b>.
search-original-gone = El mensaje que trajo <b>{ $name }</b> fue borrado, pero conservo el archivo: pulsa «Enviar archivo».
search-file-gone = Este archivo ya no está.
search-expired = Esta lista ha caducado. Busca de nuevo.
search-option-gone = Esta opción ya no existe. Abre los filtros otra vez.
search-not-yours = Esta lista es de otra persona. Envía /search con tus propias palabras.
search-forgotten = Listo: he olvidado lo que buscaste aquí, y los botones de esas listas ya no funcionan.
search-too-fast = Buscas más rápido de lo que puedo responder. Puedes seguir dentro de { $seconds ->
    [one] un segundo
    [many] { $seconds } de segundos
   *[other] { $seconds } segundos
}.

search-facet-type = Tipo
search-facet-date = Fecha
search-facet-from = Remitente
search-facet-chat = Chat
search-facet-tag = Etiqueta
search-facet-lang = Idioma
search-facet-size = Tamaño

search-type-image = Imágenes
search-type-video = Vídeos
search-type-audio = Audio
search-type-voice = Mensajes de voz
search-type-document = Documentos
search-type-animation = GIF
search-type-sticker = Stickers
search-type-other = Otros archivos
search-type-pdf = PDF
search-type-word = Word
search-type-sheet = Hojas de cálculo
search-type-slides = Presentaciones
search-type-text = Textos
search-type-mail = Correos
search-type-book = Libros
search-type-archive = Comprimidos
search-type-code = Código
search-type-ending = .{ $ending }

search-from = de { $name }
search-from-me = de mí
search-here = este chat
search-chat = chat { $id }
search-language = en { $language }
search-larger = { $size } o más
search-smaller = { $size } o menos
search-size-b = { $number } B
search-size-kb = { $number } KB
search-size-mb = { $number } MB
search-size-gb = { $number } GB
search-today = hoy
search-yesterday = ayer
search-last-days = { $days ->
    [one] hoy
    [many] los últimos { $days } de días
   *[other] los últimos { $days } días
}
search-after = desde { $date }
search-after-day = desde el { $date }
search-after-year = desde { $year }
search-before = antes de { $date }
search-before-day = antes del { $date }
search-before-year = antes de { $year }
search-phrase = «{ $text }»
search-without = sin «{ $text }»
search-not = salvo: { $filter }

search-hint-typo = <i>«{ $text }» no es un filtro. ¿Querías decir <code>{ $meant }</code>?</i>
search-hint-key = <i>No conozco el filtro «{ $text }», así que he buscado las palabras.</i>
search-hint-value = <i>No entiendo «{ $text }», así que he buscado las palabras. Se escribe así: <code>{ $example }</code></i>
search-hint-not = <i>«{ $text }» no se puede excluir, así que lo he dejado fuera.</i>
search-hint-many = <i>Eran demasiados filtros: me he quedado con los primeros.</i>

search-why = <b>Por qué este resultado</b>
search-why-words = Palabras ({ $share } %): { $words }
search-why-no-words = No contiene ninguna de tus palabras: lo he encontrado por el significado.
search-why-meaning-close = Significado ({ $share } %): muy cercano a tu consulta ({ $figure } de 1)
search-why-meaning-near = Significado ({ $share } %): cercano a tu consulta ({ $figure } de 1)
search-why-meaning-far = Significado ({ $share } %): algo relacionado con tu consulta ({ $figure } de 1)
search-why-phrase = Orden ({ $share } %): las palabras están juntas como en tu consulta
search-why-name = Nombre del archivo ({ $share } %): tiene palabras de tu consulta
search-why-filters = Filtros: { $filters }
search-match-exact = { $word }
search-match-form = «{ $typed }» como «{ $found }»
search-match-beginning = «{ $typed }» como comienzo de «{ $found }»
search-match-typo = «{ $typed }», una errata por «{ $found }»
search-match-keyboard = «{ $typed }», escrito con otro teclado por «{ $found }»

search-help = <b>Cómo buscar</b>
    Escribe lo que recuerdes, con tus palabras y en cualquier idioma. Los filtros ayudan a acotar:

    <code>tipo:pdf</code>  clase de archivo: foto, vídeo, tabla, correo…
    <code>de:@ann</code>  quién lo envió; <code>de:mí</code>
    <code>etiqueta:impuestos</code>  una etiqueta
    <code>desde:2026-01 antes:15.03.2026</code>
    <code>fecha:ayer</code>  <code>fecha:7d</code>  los últimos siete días
    <code>idioma:en</code>  idioma del texto
    <code>tamaño:&gt;5mb</code>  <code>tamaño:&lt;1mb</code>
    <code>"palabras exactas"</code>  tal cual
    <code>-borrador</code>  <code>-tipo:foto</code>  sin eso

    Los filtros solos muestran los archivos más nuevos. Bajo los resultados, <b>Filtrar ▾</b> hace lo mismo con botones, y 💡 explica por qué salió un resultado. Prueba:
search-example-1 = tipo:pdf desde:30d
search-example-2 = tipo:foto fecha:semana
search-example-3 = contrato -borrador
search-example-4 = tamaño:>5mb
