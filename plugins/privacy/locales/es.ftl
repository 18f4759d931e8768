command-mydata = Lo que guardo de ti: recibirlo o borrarlo

privacy-title = 🔐 <b>Tus datos</b>
privacy-counts =
    { $rows ->
        [0] No guardo nada de ti.
        [one] Guardo { $rows } registro tuyo; archivos: { $files }.
       *[other] Guardo { $rows } registros tuyos; archivos: { $files }.
    }
privacy-of-plugin =
    • { $plugin ->
        [core] nombre, idioma, ajustes, lo que has hecho hace poco
        [files] archivos: nombres, descripciones, etiquetas, qué son
        [search] lo que has buscado y los textos de tus archivos
        [access] tu permiso para usar este bot
       *[other] { $plugin }
    }: { $number }
privacy-offer = Puedes recibirlo todo en un archivo ZIP, o hacer que se borre.
privacy-button-export = 📦 Exportar
privacy-button-erase = 🗑 Borrar…

privacy-packing =
    📦 Reuniendo tus datos: { $files ->
        [one] { $files } archivo
       *[other] { $files } archivos
    }, { $size } MB…
privacy-sending =
    📤 Enviando { $parts ->
        [one] el ZIP
       *[other] { $parts } ZIP
    }…
privacy-exported =
    ✅ { $parts ->
        [0] No guardo nada de ti, así que no había nada que enviar.
        [one] Aquí tienes tus datos.
       *[other] Aquí tienes tus datos, en { $parts } archivos ZIP.
    }
privacy-whole = 📦 Tus datos
privacy-part = 📦 Tus datos, ZIP { $number } de { $of }
privacy-link = 📦 Este ZIP ({ $size } MB) es demasiado grande para Telegram. El enlace funciona durante { $minutes } minutos; quien lo tenga puede descargarlo.
privacy-button-download = ⬇️ Descargar
privacy-too-large = 📦 Un ZIP de { $size } MB es demasiado grande para Telegram. Pídeselo a quien lleva el bot.
privacy-readme =
    Esto es lo que el bot guarda de ti.

    files/   tus archivos, por tipo
    tables/  lo que se sabe de ellos y de ti, en JSON: un archivo por tabla
    index.json  todo lo que hay aquí, con su tamaño y su suma SHA-256

    Las exportaciones grandes llegan en varios ZIP; juntos forman el total.

privacy-erase-title = 🗑 <b>¿Borrarlo todo?</b>
privacy-erase-what =
    Se borrarán { $files ->
        [one] { $files } archivo
       *[other] { $files } archivos
    }, los textos y el índice de búsqueda hechos con ellos, tus búsquedas, ajustes, nombre e idioma: en total, { $rows ->
        [one] { $rows } registro
       *[other] { $rows } registros
    }. Si entraste con un código, necesitarás otro.
privacy-erase-groups = Los archivos que enviaste a grupos también desaparecen de los archivos de esos grupos; los mensajes de Telegram se quedan. Lo que otra persona también envió sigue siendo suyo.
privacy-erase-stays = Solo queda un recibo que no dice quién eres.
privacy-erase-sure = No se puede deshacer. Si quieres conservar tus datos, expórtalos antes.
privacy-button-sure = Sí, borrarlo todo
privacy-button-keep = ‹ No, conservarlo
privacy-erasing =
    🗑 Borrando… { $number ->
        [0] { "" }
        [one] Ya se ha ido { $number } cosa.
       *[other] Ya se han ido { $number } cosas.
    }
privacy-erased-short = 🗑 Borrado.
privacy-erased = ✅ <b>Tus datos están borrados.</b>
privacy-receipt =
    Recibo: <code>{ $id }</code>
    Hora: { $time }
    Archivos: { $files }
    Registros: { $rows }
privacy-receipt-clean = Después he mirado en todas partes y no he encontrado nada tuyo.
privacy-receipt-left =
    Después he encontrado algo todavía en { $number ->
        [one] { $number } sitio
       *[other] { $number } sitios
    }; quien lleva el bot ya lo sabe. Enséñale el recibo.
privacy-receipt-behind = Desactivado en este momento: { $plugins }. Lo que guardan además de registros se borrará cuando se activen de nuevo.
privacy-receipt-stays = El recibo se queda, sin tu nombre; { $days ->
        [0] tampoco tu número está a su lado.
        [one] durante un día tu número está a su lado, cifrado, para poder comprobarlo.
       *[other] durante { $days } días tu número está a su lado, cifrado, para poder comprobarlo.
    } Lo que me escribas a partir de ahora es nuevo.
privacy-too-late = Este botón solo valía unos minutos. Empieza de nuevo, por favor.
privacy-not-yours = Este botón no es tuyo.
