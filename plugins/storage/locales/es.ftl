storage-link-old = Este enlace ha caducado. Pulsa «Enlace nuevo» en el chat para recibir otro.
storage-link-unknown = No hay ningún archivo en este enlace.
storage-link-later = Ahora mismo no puedo recuperar este archivo. Inténtalo de nuevo en unos minutos.
