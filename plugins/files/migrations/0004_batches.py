"""Files that came together."""

from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise import fields
from tortoise.indexes import Index


class Migration(migrations.Migration):
    dependencies = [("files", "0003_reading")]

    initial = False

    operations = [
        ops.CreateModel(
            name="Batch",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                ("scope", fields.CharField(max_length=64)),
                ("chat_id", fields.BigIntField()),
                ("sender_id", fields.BigIntField()),
                ("thread_id", fields.BigIntField(null=True)),
                ("album", fields.CharField(default="", max_length=64)),
                ("message_id", fields.BigIntField()),
                ("status_message_id", fields.BigIntField(null=True)),
                ("status_until", fields.FloatField(default=0)),
                ("last_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=True)),
            ],
            options={
                "table": "files_batches",
                "app": "files",
                "indexes": [Index(fields=["scope", "chat_id"])],
                "pk_attr": "id",
                "table_description": "Files that came together: one message tells of all of them.",
            },
            bases=["Model"],
        ),
        ops.AddField(
            model_name="TelegramFile",
            name="batch_id",
            field=fields.BigIntField(null=True),
        ),
    ]
