"""What cosines mean nothing, for the embedder at hand.

Models differ: between unrelated texts one gives 0.0 on average, another 0.7. Queries and passages
that have nothing to do with each other tell; the ranker counts from there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from plugins.search.ranker import Background

if TYPE_CHECKING:
    from plugram import Embedder

_QUERIES = (
    "how to repot an orchid",
    "opening hours of the post office",
    "invoice for car repair",
    "symptoms of the flu",
    "крепость в центре города",
    "как подключить принтер",
    "рецепт яблочного пирога",
    "расписание экзаменов",
    "precio de un billete de tren",
    "cómo limpiar una alfombra",
    "historia de la fotografía",
    "contrato de un empleado",
)
_PASSAGES = (
    "The orchestra rehearses on Thursdays, and new violinists are invited to a short audition "
    "with the conductor before the season begins.",
    "Shares of the shipping company fell by four percent after it published its results for the "
    "second quarter.",
    "Penguins lay one egg and keep it warm on their feet through the long polar night.",
    "Turn the valve to the left, wait until the pressure is gone, and only then open the lid.",
    "Спутник передаёт снимки облаков каждые пятнадцать минут, по ним метеорологи уточняют прогноз.",
    "Победителю шахматного турнира вручили кубок и книгу с автографом чемпиона.",
    "Паром ходит на остров дважды в день, последний возвращается в половине девятого.",
    "Художник писал этот портрет почти три года и так его и не закончил.",
    "Los pescadores salen antes del amanecer y venden lo que traen en la lonja del puerto.",
    "El volcán lleva dos siglos dormido, pero los sismógrafos lo vigilan día y noche.",
    "La nueva actualización corrige un error que borraba las notas al girar la pantalla.",
    "En la guardería los niños aprenden a contar con canciones y bloques de madera.",
)


async def background(embedder: Embedder) -> Background:
    """Mean and deviation of the cosines between unrelated queries and passages."""
    queries = await embedder.embed(_QUERIES, kind="query")
    passages = await embedder.embed(_PASSAGES, kind="passage")
    cosines = np.asarray(queries) @ np.asarray(passages).T
    return Background(float(cosines.mean()), max(float(cosines.std()), 1e-3))
