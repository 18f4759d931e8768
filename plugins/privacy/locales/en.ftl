command-mydata = What I keep of you: get it, or erase it

privacy-title = 🔐 <b>Your data</b>
privacy-counts =
    { $rows ->
        [0] I keep nothing of you.
        [one] I keep { $rows } record of you, { $files ->
            [0] none of them a file
            [one] and it is a file
           *[other] { $files } of them files
        }.
       *[other] I keep { $rows } records of you, { $files ->
            [0] none of them a file
            [one] { $files } of them a file
           *[other] { $files } of them files
        }.
    }
privacy-of-plugin =
    • { $plugin ->
        [core] name, language, settings, what you did lately
        [files] files: names, captions, tags, what they are
        [search] what you searched for, and texts of your files
        [access] your permission to use this bot
       *[other] { $plugin }
    }: { $number }
privacy-offer = You can have all of it as a ZIP file, or have it erased.
privacy-button-export = 📦 Export
privacy-button-erase = 🗑 Erase…

privacy-packing =
    📦 Packing your data: { $files ->
        [one] { $files } file
       *[other] { $files } files
    }, { $size } MB…
privacy-sending =
    📤 Sending { $parts ->
        [one] the archive
       *[other] { $parts } archives
    }…
privacy-exported =
    ✅ { $parts ->
        [0] I keep nothing of you, so there was nothing to send.
        [one] Here is your data.
       *[other] Here is your data, in { $parts } archives.
    }
privacy-whole = 📦 Your data
privacy-part = 📦 Your data, archive { $number } of { $of }
privacy-link = 📦 This archive ({ $size } MB) is too large for Telegram. The link works for { $minutes } minutes; whoever has it can load the archive.
privacy-button-download = ⬇️ Download
privacy-too-large = 📦 An archive of { $size } MB is too large for Telegram. Please ask whoever runs the bot for it.
privacy-readme =
    This is what the bot keeps of you.

    files/   your files, by kind
    tables/  what is known of them and of you, as JSON: one file for each table
    index.json  everything in this archive, with its size and its SHA-256 checksum

    Large exports come in several archives; together they are the whole.

privacy-erase-title = 🗑 <b>Erase everything?</b>
privacy-erase-what =
    This deletes { $files ->
        [0] no files, since there are none
        [one] { $files } file
       *[other] { $files } files
    }, the texts and the search index made of them, your searches, settings, name and language: { $rows ->
        [one] { $rows } record
       *[other] { $rows } records
    } in all. If you came in by a code, you will need a new one.
privacy-erase-groups = Files that you sent to groups go too, from the groups' archives; the messages in Telegram stay. What somebody else also sent stays theirs.
privacy-erase-stays = What stays: a receipt that doesn't say who you are.
privacy-erase-sure = It can't be undone. Export your data first if you want to keep it.
privacy-button-sure = Yes, erase everything
privacy-button-keep = ‹ No, keep it
privacy-erasing =
    🗑 Erasing… { $number ->
        [0] { "" }
        [one] { $number } thing is gone.
       *[other] { $number } things are gone.
    }
privacy-erased-short = 🗑 Erased.
privacy-erased = ✅ <b>Your data is erased.</b>
privacy-receipt =
    Receipt: <code>{ $id }</code>
    Time: { $time }
    Files: { $files }
    Records: { $rows }
privacy-receipt-clean = I looked everywhere afterwards and found nothing of you.
privacy-receipt-left =
    Afterwards I still found something in { $number ->
        [one] { $number } place
       *[other] { $number } places
    }; whoever runs the bot has been told. Show them the receipt.
privacy-receipt-behind = Switched off at this moment: { $plugins }. What they keep beside records goes when they are switched on again.
privacy-receipt-stays = The receipt stays, without your name; { $days ->
        [0] no number of yours stands beside it.
        [one] for a day your number stands beside it, encrypted, so that it can be checked.
       *[other] for { $days } days your number stands beside it, encrypted, so that it can be checked.
    } What you write to me from now on is new.
privacy-too-late = This button was only good for a few minutes. Please begin again.
privacy-not-yours = This isn't your button.
