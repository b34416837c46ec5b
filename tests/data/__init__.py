"""Data to test with, and the scripts that make it; the people in it are invented."""

HEADER = ("Name", "Address", "Date of birth", "E-mail", "Telephone", "Tenancy ref")
PEOPLE = (
    ("Ada Marsh", "14 Quay Road, Calder", "1961-04-02", "ada.marsh@post.example", "07700 900101",
     "TEN-1001"),
    ("Ben Holt", "3 Mill Lane, Calder", "1988-11-23", "ben.holt@post.example", "07700 900102",
     "TEN-1002"),
    ("Cora Lind", "27 High Street, Calder", "1974-07-15", "cora.lind@post.example",
     "07700 900103", "TEN-1003"),
    ("Dev Patel", "9 Station Road, Calder", "1990-01-30", "dev.patel@post.example",
     "07700 900104", "TEN-1004"),
)  # fmt: skip
LETTER = "Dear Ada Marsh, your repair is booked for Monday."
NOTE = "Ben Holt is in arrears"
