from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise import fields
from tortoise.indexes import Index


class Migration(migrations.Migration):
    initial = True

    operations = [
        ops.CreateModel(
            name="Birthday",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                ("scope", fields.CharField(max_length=64)),
                ("chat_id", fields.BigIntField()),
                ("person_id", fields.BigIntField()),
                ("name", fields.CharField(max_length=120)),
                ("month", fields.SmallIntField()),
                ("day", fields.SmallIntField()),
                ("year", fields.SmallIntField(null=True)),
                ("reminded_year", fields.SmallIntField(default=0)),
            ],
            options={
                "table": "birthdays_birthday",
                "app": "birthdays",
                "unique_together": (("scope", "name"),),
                "indexes": [Index(fields=["month", "day"])],
                "pk_attr": "id",
                "table_description": "Somebody's birthday, as one chat knows it.",
            },
            bases=["Model"],
        ),
    ]
