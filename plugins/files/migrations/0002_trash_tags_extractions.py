"""The trash, tags, thumbnails, and what was read of bytes before."""

from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise import fields
from tortoise.indexes import Index


class Migration(migrations.Migration):
    dependencies = [("files", "0001_files")]

    initial = False

    operations = [
        ops.CreateModel(
            name="CachedExtraction",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                ("sha256", fields.CharField(max_length=64)),
                ("processor", fields.CharField(max_length=32)),
                ("content", fields.BinaryField()),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=True)),
            ],
            options={
                "table": "files_extractions",
                "app": "files",
                "unique_together": (("sha256", "processor"),),
                "pk_attr": "id",
                "table_description": "What readers made of some bytes, for all scopes that hold them. It goes with them.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Sticker",
            fields=[
                (
                    "file_id",
                    fields.BigIntField(
                        generated=False, primary_key=True, unique=True, db_index=True
                    ),
                ),
                ("scope", fields.CharField(max_length=64)),
                ("emoji", fields.CharField(default="", max_length=32)),
                ("set_name", fields.CharField(default="", max_length=64)),
                ("width", fields.IntField(null=True)),
                ("height", fields.IntField(null=True)),
            ],
            options={"table": "files_stickers", "app": "files", "pk_attr": "file_id"},
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Tag",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                ("scope", fields.CharField(max_length=64)),
                ("file_id", fields.BigIntField()),
                ("name", fields.CharField(max_length=32)),
            ],
            options={
                "table": "files_tags",
                "app": "files",
                "unique_together": (("file_id", "name"),),
                "indexes": [Index(fields=["scope", "name"])],
                "pk_attr": "id",
                "table_description": "A word that somebody gave a file.",
            },
            bases=["Model"],
        ),
        ops.AddField(
            model_name="Blob",
            name="thumbnail",
            field=fields.CharField(default="", max_length=128),
        ),
        ops.AddField(
            model_name="Blob",
            name="wanted_until",
            field=fields.FloatField(default=0),
        ),
        ops.AddField(
            model_name="TelegramFile",
            name="changes",
            field=fields.IntField(default=0),
        ),
        ops.AddField(
            model_name="TelegramFile",
            name="deleting",
            field=fields.BooleanField(default=False),
        ),
        ops.AddField(
            model_name="TelegramFile",
            name="job_id",
            field=fields.BigIntField(null=True),
        ),
        ops.AddField(
            model_name="TelegramFile",
            name="title",
            field=fields.CharField(default="", max_length=500),
        ),
        ops.AddField(
            model_name="TelegramFile",
            name="trashed_at",
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddField(
            model_name="TelegramFile",
            name="trashed_by",
            field=fields.BigIntField(null=True),
        ),
    ]
