command-search = Buscar en tus archivos

search-about = 🔎 Escribe unas palabras y encontraré en tus archivos los pasajes que tratan de ellas, por las palabras y por el significado.

search-usage = Dime qué buscar: <code>/search contrato de alquiler</code>. En nuestro chat privado bastan las palabras.
search-empty = Todavía no hay dónde buscar. Envíame un archivo (un PDF, un documento de Word, un texto) y pregunta de nuevo en un momento.
search-reading = Todavía estoy leyendo tus archivos. Pregunta de nuevo en un momento.
search-wordless = Para buscar necesito al menos una palabra o un número.
search-none = No he encontrado nada sobre «{ $query }».
search-none-tips = Prueba con menos palabras o con otras. Los archivos que acabas de enviar tardan un momento.

search-found = { $files ->
    [one] 🔎 <b>{ $query }</b>: { $files } archivo
    [many] 🔎 <b>{ $query }</b>: { $files } de archivos
   *[other] 🔎 <b>{ $query }</b>: { $files } archivos
}
search-corrected = <i>Así no aparece en ningún sitio; he buscado: { $words }</i>
search-cut = <i>Era muy largo: he buscado el comienzo.</i>
search-words-only = <i>He buscado solo por palabras; el significado volverá pronto.</i>
search-place-page = pág. { $value }
search-place-slide = diapositiva { $value }
search-place-sheet = hoja { $value }
search-place-line = línea { $value }
search-place-caption = pie de foto
search-page-gone = Los archivos de esta página ya no están.

search-button-send = { $number }. 📎 Enviar archivo
search-button-show = { $number }. ↩ Ver mensaje

search-original = Aquí está <b>{ $name }</b>.
search-original-gone = El mensaje que trajo <b>{ $name }</b> fue borrado, pero conservo el archivo: pulsa «Enviar archivo».
search-file-gone = Este archivo ya no está.
search-expired = Esta lista ha caducado. Busca de nuevo.
