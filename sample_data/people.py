"""The sample's invented people: staff, residents, suppliers, partners; and safe identifiers."""

from __future__ import annotations

import random
import unicodedata
from dataclasses import dataclass

DOMAIN = "calderbrook-homes.example"
OFFICE = "Calderbrook House, 1 Weir Street, Calderbrook ZE99 1AA"
WEBMAIL_DOMAINS = ("webmail.example", "postbox.example", "mailnest.example", "fastpost.test")
PARTNER_DOMAINS = (
    "calderbrook-council.example",
    "valley-police.example",
    "calder-nhs.example",
    "brook-advice.example",
)
WORK_DOMAINS = ("bramble-bakery.example", "weirside-school.example", "northmoor-cabs.test")


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


FORENAMES = _words(
    "Aaliyah Abigail Adam Aisha Alan Aleksandra Amara Amit Andrew Angela Anita Arjun Ayesha "
    "Barbara Beata Ben Bethan Blessing Brian Bronwen Callum Carol Catherine Chidi Chloe Ciara "
    "Colin Conor Daniel Darius David Deborah Denise Derek Diya Dominic Donna Edith Eilidh Elaine "
    "Elif Emeka Emma Ewa Farah Fatima Fergus Fiona Folake Gareth Gemma Geoffrey Gloria Gordon "
    "Hamza Hannah Harpreet Harriet Hassan Hazel Ian Ibrahim Imran Iona Irena Isla Jacqueline "
    "Jagoda James Janice Jasmin Jelena Joanne Joseph Joyce Kamal Karen Kasia Keith Kenneth Kofi "
    "Kwame Lakshmi Laura Leah Lesley Linda Luca Lwazi Magda Malik Manjit Margaret Marek Maureen "
    "Megan Mei Michael Mohammed Nadia Naomi Natalie Neil Nia Nigel Nikhil Niamh Noor Norma "
    "Oluwaseun Olivia Owain Pamela Patrick Paula Piotr Priya Rachel Rashid Rhys Ruth Sandra "
    "Sanjay Sean Shanice Sheila Simone Siân Stuart Sunita Tariq Tendai Terence Theresa Tunde "
    "Usha Valerie Victor Wendy Wiktor Yasmin Yusuf Zainab Zoë"
)
SURNAMES = _words(
    "Abara Ackroyd Adebayo Ahmed Akhtar Aldous Amoah Ashworth Bailey Banerjee Barraclough Begum "
    "Bello Bhatt Blackwood Boateng Bracewell Brannigan Brook Byrne Cartwright Chaudhry Chikwanda "
    "Clegg Cohen Cooper Cusack Dabrowska Dalal Davies Dearden Dhillon Diallo Dixon Donnelly "
    "Earnshaw Edwards Eke Entwistle Evans Farrell Fielding Fofana Forsyth Gallagher Garside "
    "Ghosh Gill Greenhalgh Griffin Gunawardena Hadley Haigh Hargreaves Hassan Holroyd Howarth "
    "Hussain Idowu Iqbal Jagger Jankowski Jenkins Jones Joshi Kaminska Kaur Kelly Kershaw Khan "
    "Kowalczyk Lam Larkin Lawal Lewandowski Lister Lloyd Lockwood Lumb Macdonald Mahmood Malik "
    "Mbeki McBride Mehta Mistry Moyo Murgatroyd Mwangi Naylor Nguyen Novak Nowak Nwosu Obi "
    "O'Connor Odell Ogden Okeke Oldroyd Osei Pascoe Patel Pawar Pereira Petrov Pickles Popescu "
    "Quarshie Quigley Rahman Ramsden Rao Redfern Rees Robertshaw Sadiq Sandhu Santos Sharma "
    "Shaw Singh Stansfield Sutcliffe Sykes Tait Teague Thackray Thapa Tran Turay Uddin Vaughan "
    "Wadsworth Walczak Whitaker Wójcik Wong Wood Xu Yeboah Youssef Zaman Zhang"
)
STREETS = (
    "Alder Walk", "Bramble Close", "Canal Row", "Dyehouse Lane", "Fuller Court", "Heron View",
    "Loom Street", "Mill Row", "Navigation Road", "Packhorse Lane", "Ropewalk", "Shuttle Fold",
    "Teasel Grove", "Weaver Terrace",
)  # fmt: skip
_WORDS_ONE = _words(
    "amber beach bluebell brass busy candle canal cosmic crafty daisy dizzy dusty early fiddle "
    "fuzzy garden ginger golden happy hedge iron jolly kettle lemon little lucky maple merry "
    "misty mossy mint muddy noisy northern nutmeg paper quiet rusty salty silver tiny velvet"
)
_WORDS_TWO = _words(
    "badger baker biker brew cat cobbler crumble dancer drummer fern fox gnome heron kiln lad "
    "lass magpie mallard muffin nest otter owl piper postie robin sparrow spud teapot wren"
)
_NUMBERED = ("stfloorflat", "wheelsgood", "kidsandcounting", "bramblewalk", "millrow", "cats")

SUPPLIERS = (
    ("Airedale Boilers", "airedale-boilers.example", "repairs"),
    ("Brightspark Electrical", "brightspark-electrical.example", "info"),
    ("Calder Roofing", "calder-roofing.example", "jobs"),
    ("Dalton Drainage", "dalton-drainage.example", "office"),
    ("Evergreen Grounds", "evergreen-grounds.example", "info"),
    ("Fernside Glazing", "fernside-glazing.example", "sales"),
    ("Granite Paving", "granite-paving.example", "enquiries"),
    ("Hillcrest Lifts", "hillcrest-lifts.example", "service"),
    ("Ironbridge Locks", "ironbridge-locks.example", "info"),
    ("Jubilee Cleaning", "jubilee-cleaning.example", "bookings"),
    ("Keystone Surveyors", "keystone-surveyors.example", "admin"),
    ("Lowe Fencing", "lowe-fencing.example", "info"),
    ("Meadow Pest Control", "meadow-pest.example", "contact"),
    ("Northgate Asbestos", "northgate-asbestos.example", "surveys"),
    ("Orchard Plastering", "orchard-plastering.example", "office"),
    ("Pennant Scaffolding", "pennant-scaffolding.example", "hire"),
    ("Quarry Skips", "quarry-skips.example", "orders"),
    ("Riverside Plumbing", "riverside-plumbing.example", "repairs"),
    ("Stonebeck Decorators", "stonebeck-decorators.example", "info"),
    ("Tarn Fire Safety", "tarn-fire.example", "helpdesk"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Person:
    """Someone, or a shared mailbox, who sends and gets mail."""

    name: str
    address: str
    title: str = ""
    shared: bool = False
    """Whether a team reads this address, not one person."""

    @property
    def first(self) -> str:
        """The name to greet this person by."""
        return "all" if self.shared else self.name.split()[0]

    @property
    def internal(self) -> bool:
        """Whether this is an address of Calderbrook Homes."""
        return self.address.endswith("@" + DOMAIN)

    @property
    def header(self) -> tuple[str, str]:
        """Display name and address, as a header shows them."""
        return self.name, self.address


@dataclass(frozen=True, slots=True)
class Resident(Person):
    """A tenant with a private address."""

    readable: str = "none"
    """How far the address itself tells the name: full, partial or none."""


def _staff(name: str, title: str, team: str = "") -> Person:
    local = team or ascii_local(name).replace(" ", ".")
    return Person(name, f"{local}@{DOMAIN}", title, shared=bool(team))


def ascii_local(name: str) -> str:
    """Return `name` in lower case with plain letters only, words kept apart by a space."""
    plain = unicodedata.normalize("NFKD", name.replace("ł", "l").replace("'", ""))
    return plain.encode("ascii", "ignore").decode().lower()


JO = _staff("Jo Marsh", "Customer Experience Officer")
SERVICES = _staff("Customer Services", "Calderbrook Homes", "customer.services")
COMMS = _staff("Calderbrook Homes News", "Communications Team", "communications")
DEE = _staff("Dee Okafor", "Tenancy Support Officer")
HELEN = _staff("Helen Pryce", "Company Secretary")
RAFI = _staff("Rafi Choudhury", "Income Officer")
REPAIRS = _staff("Repairs Desk", "Property Services", "repairs")
TOMASZ = _staff("Tomasz Zieliński", "Contracts Manager")
OWEN = _staff("Owen Griffith", "Chief Executive")
GRACE = _staff("Grace Adeyemi", "Neighbourhood Manager")
LEANNE = _staff("Leanne Foster", "Digital Programme Manager")
SAM = _staff("Sam Whitlock", "Lettings Officer")
MAILBOXES = (JO, SERVICES, COMMS, DEE, HELEN, RAFI, REPAIRS, TOMASZ, OWEN, GRACE, LEANNE, SAM)
TEAM = _staff("Customer Experience Team", "Calderbrook Homes", "customer.experience")
DAVE_INSIDE = _staff("Dave Lowry", "Tenancy Enforcement Officer")
DAVE_OUTSIDE = Person("Dave Lowe", "dave.lowe@lowe-fencing.example")
DPO = _staff("Priyanka Nair", "Data Protection Officer")
MINA = _staff("Mina Rao", "Customer Services Adviser")

_OTHER_TITLES = ("Housing Officer", "Surveyor", "Finance Assistant", "Caretaker", "Trades Lead")


def stream(name: str) -> random.Random:
    """Return the random numbers of one part of the sample, the same on every run."""
    return random.Random(f"calderbrook/{name}")


def all_staff() -> list[Person]:
    """Return the sixty people and shared mailboxes of the staff list."""
    rng = stream("staff")
    staff = [*MAILBOXES, TEAM, DAVE_INSIDE, DPO, MINA]
    taken = {person.address for person in staff}
    while len(staff) < 60:
        person = _staff(
            f"{rng.choice(FORENAMES)} {rng.choice(SURNAMES)}", rng.choice(_OTHER_TITLES)
        )
        if person.address not in taken:
            taken.add(person.address)
            staff.append(person)
    return staff


def _resident(rng: random.Random) -> Resident:
    first, last = rng.choice(FORENAMES), rng.choice(SURNAMES)
    one, two = ascii_local(first), ascii_local(last)
    year = str(rng.randrange(10, 100))
    opaque = (
        f"{rng.choice(_WORDS_ONE)}{rng.choice(_WORDS_TWO)}{rng.choice(['', year])}",
        f"{rng.choice(_WORDS_ONE)}.{rng.choice(_WORDS_TWO)}",
        f"{rng.randrange(2, 90)}{rng.choice(_NUMBERED[1:])}",
    )
    styles = (
        (30, "full", f"{one}.{two}"),
        (8, "full", f"{one}{two}"),
        (6, "full", f"{one}_{two}"),
        (8, "full", f"{one}.{two}{year}"),
        (4, "partial", f"{one[0]}{two}{year}"),
        (3, "partial", f"{one}{year}"),
        (41, "none", rng.choices(opaque, (70, 20, 10))[0]),
    )
    _, readable, local = rng.choices(styles, [style[0] for style in styles])[0]
    domain = rng.choices((*WEBMAIL_DOMAINS, *WORK_DOMAINS), (52, 22, 12, 8, 2, 2, 2))[0]
    return Resident(f"{first} {last}", f"{local}@{domain}", readable=readable)


def residents(first_part: int = 994) -> list[Resident]:
    """Return the residents in address order; exactly `first_part` addresses start with 1 to n."""
    rng = stream("residents")
    found = {
        "1stfloorflat@webmail.example": Resident(
            "Edith Garside", "1stfloorflat@webmail.example", readable="none"
        )
    }
    upto_n = 1
    while upto_n < first_part:
        person = _resident(rng)
        if person.address not in found:
            found[person.address] = person
            upto_n += person.address[0] <= "n"
    return [found[address] for address in sorted(found)]


def suppliers() -> list[Person]:
    """Return the role addresses of the twenty suppliers."""
    return [Person(n, f"{local}@{domain}", shared=True) for n, domain, local in SUPPLIERS]


def supplier_contacts() -> list[Person]:
    """Return two named people at each supplier."""
    rng = stream("suppliers")
    contacts = []
    for _, domain, _ in SUPPLIERS:
        for _ in range(2):
            name = f"{rng.choice(FORENAMES)} {rng.choice(SURNAMES)}"
            contacts.append(Person(name, f"{ascii_local(name).replace(' ', '.')}@{domain}"))
    return contacts


def invented_people(rng: random.Random, domains: tuple[str, ...], count: int) -> list[Person]:
    """Return `count` people with name addresses, spread over `domains`."""
    people: dict[str, Person] = {}
    while len(people) < count:
        name = f"{rng.choice(FORENAMES)} {rng.choice(SURNAMES)}"
        address = f"{ascii_local(name).replace(' ', '.')}@{domains[len(people) % len(domains)]}"
        people.setdefault(address, Person(name, address))
    return list(people.values())


def with_check_digit(nine: str) -> str | None:
    """Return nine digits and their modulus-11 check digit; None where there is no such digit."""
    check = 11 - sum(int(digit) * (10 - i) for i, digit in enumerate(nine)) % 11
    return None if check == 10 else nine + str(check % 11)


def ten_digits(rng: random.Random, prefix: str = "999") -> str:
    """Return ten digits that pass the modulus-11 check; prefix 999 is the range for tests."""
    while True:
        left = 9 - len(prefix)
        number = with_check_digit(prefix + str(rng.randrange(10**left)).zfill(left))
        if number:
            return number


def spaced(number: str) -> str:
    """Return ten digits in groups of 3, 3 and 4."""
    return f"{number[:3]} {number[3:6]} {number[6:]}"


def landline(number: int) -> str:
    """Return a landline from the range kept for drama."""
    return f"01632 960{number % 1000:03d}"


def mobile(number: int) -> str:
    """Return a mobile number from the range kept for drama."""
    return f"07700 900{number % 1000:03d}"


def postcode(rng: random.Random) -> str:
    """Return a postcode of a district that does not exist."""
    letters = "ABDEFGHJLNPQRSTUWXYZ"
    return f"ZE99 {rng.randrange(1, 10)}{rng.choice(letters)}{rng.choice(letters)}"


def signature(person: Person, number: int) -> str:
    """Return a staff signature: name, title, office with postcode, direct line."""
    return f"{person.name}\n{person.title}\n{OFFICE}\n{landline(number)}"
