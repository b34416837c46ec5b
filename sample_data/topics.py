"""What people at Calderbrook Homes write about on an ordinary day."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Topic:
    """One kind of exchange; the texts may name {street}, {day}, {ref}, {amount} and so on."""

    audience: str
    """Who is written to: resident, supplier or colleague."""
    subject: str
    opening: tuple[str, ...]
    answer: tuple[str, ...]
    follow: tuple[str, ...]
    inbound: bool = False
    """Whether the other side writes first."""
    files: tuple[tuple[str, tuple[str, ...]], ...] = ()


TOPICS: dict[str, tuple[Topic, ...]] = {
    "experience": (
        Topic(
            "resident", "Your feedback on {street}",
            ("Thank you for telling us how the works on {street} went. May I ring you on {day}?",
             "I read your comments about {street} and passed your thanks to the team."),
            ("{day} is fine, after two please.", "Good of you to write. Nothing more from me."),
            ("Thank you, I have put {day} in my diary.", "Noted, and thank you again."),
        ),
        Topic(
            "resident", "Complaint {ref}: acknowledgement",
            ("I have opened complaint {ref} and will answer in full by {day}.",
             "Your complaint is logged as {ref}. A colleague will look at it before {day}."),
            ("It has been going on for weeks, so please do not leave it longer.",
             "Thank you. I will send the photographs tonight."),
            ("I understand. We have asked the contractor for a date before {day}.",
             "The photographs arrived, thank you. You will hear from me by {day}."),
            files=(("Complaint leaflet.pdf", ("How we deal with complaints", "Stage 1")),),
        ),
        Topic(
            "colleague", "Learning from complaint {ref}",
            ("Could you look at {ref} and tell me what we could have done sooner?",
             "I would like to use {ref} as the example at the team talk on {day}."),
            ("Yes. The second visit was never booked, that is the whole of it.",
             "Fine by me as long as the address is left out."),
            ("Thank you, that is what I needed.", "Agreed, no address."),
        ),
        Topic(
            "resident", "Café vouchers for the {team} team",
            ("What a kind letter. I have shown it to the {team} team and they were delighted.",),
            ("They deserve it.",), ("I will tell them so.",),
        ),
    ),
    "services": (
        Topic(
            "resident", "Question about my service charge", inbound=True,
            opening=("Why has my service charge gone up by £{amount} since last year?",
                     "Can someone explain the £{amount} on the statement I got on {day}?"),
            answer=("The sum of £{amount} is the new lighting in {street}. A leaflet is attached.",
                    "I have asked the finance team to write to you about the £{amount} by {day}."),
            follow=("That makes sense, thank you.", "Please ask them to hurry."),
            files=(("Service charges explained.pdf", ("Service charges", "What they pay for")),),
        ),
        Topic(
            "resident", "Parking in {street}", inbound=True,
            opening=("Somebody keeps leaving a van across the bays in {street}.",
                     "How do I get a second parking permit for {street}?"),
            answer=("I have passed this to the neighbourhood team, reference {ref}.",
                    "Permits are given out on {day} mornings; please bring a utility bill."),
            follow=("Thank you for being so quick.", "See you then."),
        ),
        Topic(
            "resident", "Change to your account {ref}",
            ("We have changed the contact number on your account as you asked on {day}.",
             "Your direct debit will be taken on the new date from next month."),
            ("Thanks.", "That is right, thank you."),
            ("You are welcome. Is there anything else?",),
        ),
        Topic(
            "colleague", "Call back {ref}",
            ("Please ring the caller on {ref} before {day}; it is about the gate in {street}.",
             "The caller on {ref} would like a home visit. Which of you can go on {day}?"),
            ("Done this morning.", "I can go at ten."),
            ("Thank you, closing it.", "Booked."),
        ),
    ),
    "communications": (
        Topic(
            "supplier", "Print run for the summer leaflet",
            ("Please quote for {number} copies on recycled paper, delivered by {day}.",
             "The proof is attached. Two corrections on page three, then it can go to press."),
            ("£{amount} plus delivery, and {day} is no trouble.", "Corrected proof to follow."),
            ("Agreed, please go ahead.", "Lovely, thank you."),
            files=(("Leaflet proof.pdf", ("Out and about in Calderbrook",)),),
        ),
        Topic(
            "colleague", "Website: page about {team}",
            ("Your page about {team} was last checked a year ago. Could you read it by {day}?",
             "The draft page about {team} is ready. It should be 200 words shorter."),
            ("Read it, two changes marked.", "Shorter version on {day}, I promise."),
            ("Both are live now.", "Splendid."),
        ),
        Topic(
            "resident", "Photographs from the {street} garden day",
            ("May we use the picture of you with the wheelbarrow in the newsletter?",
             "Here are the pictures you asked for. They may be printed freely."),
            ("Of course you may!", "Thank you, they are grand."),
            ("Thank you, it will be in the next issue.",),
            files=(("garden.gif", ("picture",)),),
        ),
    ),
    "support": (
        Topic(
            "resident", "Our appointment on {day}",
            ("I will be with you on {day} at {time}. Tea is on me this time.",
             "Shall we say {day} at {time} in the Weir Street office?"),
            ("See you then.", "Could it be half an hour later?"),
            ("Looking forward to it.", "Half an hour later is fine."),
        ),
        Topic(
            "resident", "Furniture grant form",
            ("The form is attached. Fill in the first page only and I will do the rest with you.",
             "The fund has agreed £{amount} towards a cooker. It comes on {day}."),
            ("Form done, I think.", "That is wonderful news."),
            ("It looks right to me, I have sent it on.", "I am so pleased for you."),
            files=(("Furniture grant form.docx", ("Furniture grant", "Name:", "What you need:")),),
        ),
        Topic(
            "colleague", "Handover for {street}",
            ("Could you take over two visits in {street} while I am away from {day}?",
             "I have put the notes for {street} in the case system; nothing by mail, please."),
            ("Happy to.", "Found them, thank you."), ("Thank you so much.",),
        ),
    ),
    "secretary": (
        Topic(
            "colleague", "Papers for the committee on {day}",
            ("I need your paper by {day}, two pages at most, with the risks at the end.",
             "The chair has asked for one more line about cost in your paper."),
            ("You will have it.", "Added."), ("Thank you. It goes out tonight.",),
            files=(("Paper template.docx", ("Title", "Purpose", "Risks")),),
        ),
        Topic(
            "supplier", "Insurance renewal, policy {ref}",
            ("Please send the renewal terms for {ref} before the meeting on {day}.",
             "We have no new claims to declare under {ref}."),
            ("Terms attached, £{amount} as last year.", "Thank you, noted on the file."),
            ("Thank you, I will put them to the committee.",),
        ),
    ),
    "income": (
        Topic(
            "resident", "Your rent account {ref}",
            ("Your account is £{amount} behind. Could you ring me before {day}?",
             "Thank you for the payment of £{amount}. The account is up to date.",
             "Your rent will change on {day}. The letter with the sum is in the post."),
            ("I can pay half now and half on {day}.", "Thank you for being patient.",
             "Please ring after five, I am at work."),
            ("Agreed, I have written that on the account.", "You are welcome."),
            files=(("Ways to pay.pdf", ("Ways to pay your rent", "Direct debit is easiest")),),
        ),
        Topic(
            "resident", "Universal Credit and my rent of £{amount}", inbound=True,
            opening=("The job centre asks what my rent is from {day}. What do I say?",
                     "They need a letter that says what I pay each week."),
            answer=("Your weekly rent is £{amount}. The letter for them is attached.",
                    "Tell them £{amount} a week, four weeks in advance."),
            follow=("That worked, thank you.",),
            files=(("Rent letter.pdf", ("To whom it may concern", "Weekly rent as stated")),),
        ),
        Topic(
            "colleague", "Payment plan for {ref}",
            ("Can you check that the plan for {ref} is on the system?",
             "The plan for {ref} ends on {day}; the balance should be nil by then."),
            ("It is there, first payment on {day}.", "It is nil."), ("Thank you.",),
        ),
    ),
    "repairs": (
        Topic(
            "resident", "Your repair {ref} is booked",
            ("We will come on {day} between {time} and noon to look at your {thing}.",
             "The part for your {thing} is in. Will {day} at {time} suit you?",
             "Sorry, we have to move the visit for your {thing} to {day}."),
            ("Yes, I will be in.", "Can they ring before they come?", "That is fine."),
            ("They will ring first.", "Thank you, see you on {day}."),
        ),
        Topic(
            "supplier", "Job {ref}: {thing}",
            ("Please take on job {ref}, {thing}, in {street}. Access is agreed for {day}.",
             "Job {ref} is still open on our side. Has the {thing} been done?",
             "We can approve the extra £{amount} on {ref}. Please send the invoice."),
            ("Booked for {day}.", "Done on {day}, photographs attached.", "Invoice attached."),
            ("Thank you, closed.", "Received with thanks."),
            files=(("Job sheet.xlsx", ("Job|Trade|Hours", "see mail|general|2")),),
        ),
        Topic(
            "resident", "Problem with the {thing}", inbound=True,
            opening=("The {thing} has stopped working again since {day}.",
                     "Hello, who do I tell about the {thing} in {street}?"),
            answer=("I have raised job {ref}; someone will come on {day} at {time}.",
                    "Thank you for telling us. It is now job {ref}."),
            follow=("Thanks, I will wait in.", "All working now!"),
            files=(("What to expect.pdf", ("When we visit", "We show a card at the door")),),
        ),
    ),
    "contracts": (
        Topic(
            "supplier", "Progress meeting on {street}",
            ("Please bring the programme for {street} to the meeting on {day} at {time}.",
             "Your valuation for {street} is £{amount} above ours. Can we talk on {day}?",
             "Thank you for the samples. The residents liked the darker brick."),
            ("We shall have it ready.", "{day} at {time} is good.", "Darker brick it is."),
            ("Thank you. Minutes will follow.", "See you there."),
            files=(("Programme.xlsx", ("Week|Work", "1|Strip roof", "2|Battens")),),
        ),
        Topic(
            "supplier", "Safety paperwork for {street}",
            ("The method statement for {street} lacks the scaffold drawing.",
             "I have signed the permit for {street}; it is valid until {day}."),
            ("Drawing attached.", "Thank you, printed and on the wall."), ("Accepted.",),
        ),
        Topic(
            "colleague", "Budget line for {street}",
            ("There is £{amount} left for {street}. Shall we do the gates as well?",
             "The {street} figures for the month are attached."),
            ("Yes, before the year ends.", "They agree with mine."), ("Good, ordering on {day}.",),
            files=(("Budget.xlsx", ("Line|Planned|Spent", "Gates|4000|0")),),
        ),
    ),
    "chief": (
        Topic(
            "colleague", "Visit to {street} on {day}",
            ("I would like to walk round {street} with you on {day} at {time}.",
             "Thank you for showing me {street}. The bin store is a real improvement."),
            ("I will meet you at the corner.", "Glad you liked it."), ("See you there.",),
        ),
        Topic(
            "supplier", "Our meeting on {day}",
            ("It was good to meet you. I will ask Tomasz to send you the tender dates.",
             "Could we move our meeting to {day} at {time}?"),
            ("Thank you for your time.", "That suits us."), ("Good.",),
        ),
        Topic(
            "resident", "Your letter about {street}",
            ("Thank you for your letter. You are right about {street}, and I have said so.",
             "I have asked Grace to come and see you about {street} before {day}."),
            ("I did not expect an answer from the top. Thank you.",), ("Any time.",),
        ),
    ),
    "neighbourhood": (
        Topic(
            "resident", "Noise in {street}",
            ("I have spoken to the neighbour concerned. Please keep the diary until {day}.",
             "Thank you for the diary. We shall talk about next steps on {day} at {time}."),
            ("It has been quieter since.", "I will keep writing it down."),
            ("I am glad to hear it.", "Thank you, that helps."),
            files=(("Diary sheet.docx", ("Date", "Time", "What happened")),),
        ),
        Topic(
            "resident", "Community garden, {street}", inbound=True,
            opening=("May we have a water butt for the garden in {street}?",
                     "Six of us would like to plant bulbs on {day}. Is that all right?"),
            answer=("Yes. It will be there by {day}.", "What a good idea. I will bring gloves."),
            follow=("You are a star.", "See you on {day}."),
        ),
        Topic(
            "colleague", "Walkabout in {street}",
            ("Two lights out and one mattress. Can someone clear it by {day}?",
             "Next walkabout is on {day} at {time}, meeting at the shop."),
            ("Mattress gone.", "I will be there."), ("Thank you both.",),
        ),
    ),
    "digital": (
        Topic(
            "supplier", "Ticket {ref}: {team} screens",
            ("The {team} screens are slow again since {day}. Please look at ticket {ref}.",
             "Ticket {ref} can be closed, the fix works for us."),
            ("We see it too, a fix is planned for {day}.", "Closed, thank you."),
            ("Thank you. Please tell us when it is live.",),
        ),
        Topic(
            "colleague", "New laptop for the {team} team",
            ("Yours is ready to collect on {day}. Please bring the old one and its charger.",
             "Please restart your machine before {day}, there is an update waiting."),
            ("On my way.", "Restarted."), ("Thank you.",),
        ),
        Topic(
            "resident", "Help with signing in",
            ("Choose 'forgotten password' and use this address; a new link comes at once.",
             "The computer class is on {day} at {time} in the Weir Street hall."),
            ("It worked!", "I will bring my tablet."), ("Good. Ring me if it happens again.",),
        ),
    ),
    "lettings": (
        Topic(
            "resident", "Viewing in {street} on {day}",
            ("The viewing is on {day} at {time}. Please bring something with your photograph.",
             "I am afraid the home in {street} has gone to another family.",
             "Good news: the home in {street} is yours. Can you sign on {day} at {time}?"),
            ("We will be there.", "That is a pity. Please keep us in mind.", "Yes please!"),
            ("See you on {day}.", "I will write as soon as there is another."),
            files=(("Directions.pdf", ("How to find us", "Bus 42 to Weir Street")),),
        ),
        Topic(
            "resident", "Swapping homes", inbound=True,
            opening=("How does a mutual exchange work?", "We found someone to swap with."),
            answer=("Both landlords have to agree; the form is attached. It takes six weeks.",
                    "Please send both tenancy references and I will open case {ref}."),
            follow=("Thanks, form on its way.",),
            files=(("Exchange form.docx", ("Mutual exchange", "Your home", "Their home")),),
        ),
        Topic(
            "colleague", "Void in {street}",
            ("Keys for {street} are back. Could we have it cleaned by {day}?",
             "Ready to let: {street}, two bedrooms, from {day}."),
            ("Cleaners booked.", "Advertised today."), ("Thank you.",),
        ),
    ),
}  # fmt: skip
