"""First and last names that the simulated feed makes its student ids of.

Rule: ASCII letters only and no name twice, so that an id needs no escaping in JSON or in a path.
"""

from typing import Final

__all__ = ["FIRST_NAMES", "LAST_NAMES"]

_FIRST: Final = """
    Abigail Adam Adriana Agnes Ahmed Aisha Alan Albert Alejandro Alice Amara Amelia Amir Ana Andre
    Anika Anton Aria Arjun Arthur Astrid Aurora Beatriz Ben Bianca Boris Bruno Camila Carlos Caroline
    Cecilia Chen Chidi Chloe Clara Daan Daniel Daria David Deepa Diego Dmitri Edith Elena Elias Elif
    Emil Emma Enzo Erik Esther Eva Evan Fatima Felix Finn Flora Francesca Frida Gabriel George Giulia
    Grace Gustav Hana Hannah Hassan Hugo Ibrahim Ida Igor Imani Ines Ingrid Irina Isaac Ivan Jack
    Jamal Jan Jasmin Javier Joanna Jonas Julia Kaito Karim Katarina Kenji Kofi Lara Lars Layla Lea
    Leon Lina Lucas Lucia Magnus Malik Marco Maria Martha Mateo Maya Mei Mila Mina Mohammed Nadia
    Naomi Nasir Niko Nina Noah Nora Olga Oliver Omar Oscar Paolo Petra Pia Priya Quentin Rachel Rafael
    Rania Ravi Rosa Ruben Ruth Sakura Samir Samuel Sara Sofia Sven Tara Thomas Tomas Uma Valentina
    Vera Viktor Wei William Yara Yusuf Zainab Zara Zoe
"""

_LAST: Final = """
    Andersson Bakker Bauer Costa Dubois Eriksen Fischer Garcia Haddad Ivanova Jensen Kaya Khan Kim
    Kowalski Lopez Mbeki Moreau Nakamura Novak Okafor Olsen Patel Rossi Schmidt Silva Singh Tanaka
    Virtanen Wang Weber Yilmaz
"""

FIRST_NAMES: Final = tuple(_FIRST.split())
LAST_NAMES: Final = tuple(_LAST.split())
