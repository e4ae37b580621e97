#include "simulate/catalog_words.h"

const char *const catalog_words_first[CATALOG_WORDS] = {
    "alder",  "amber",  "anchor", "apex",    "arbor",   "aspen",   "atlas",   "aurora", "basalt",  "beacon", "birch",
    "bright", "bronze", "canyon", "cedar",   "clover",  "cobalt",  "comet",   "copper", "coral",   "crest",  "delta",
    "dune",   "echo",   "ember",  "falcon",  "fern",    "flint",   "garnet",  "glade",  "granite", "harbor", "hazel",
    "heron",  "indigo", "iris",   "jade",    "juniper", "kestrel", "lantern", "larch",  "linden",  "lumen",  "maple",
    "marble", "meadow", "mercer", "nimbus",  "north",   "oak",     "onyx",    "opal",   "orchid",  "pebble", "pine",
    "quartz", "raven",  "ridge",  "saffron", "silver",  "summit",  "tundra",  "willow", "zephyr",
};

const char *const catalog_words_second[CATALOG_WORDS] = {
    "analytics",   "apparel",    "archive",  "automation", "bakery",   "banking",   "biotech",   "books",
    "brewing",     "builders",   "capital",  "care",       "catering", "ceramics",  "chemicals", "clinic",
    "coffee",      "consulting", "craft",    "dental",     "design",   "dynamics",  "electric",  "energy",
    "engineering", "events",     "farms",    "finance",    "foods",    "foundry",   "freight",   "furniture",
    "gardens",     "glass",      "health",   "hotels",     "imports",  "insurance", "labs",      "legal",
    "logistics",   "machines",   "marine",   "media",      "medical",  "metals",    "mills",     "mobility",
    "motors",      "networks",   "optics",   "packaging",  "partners", "pharma",    "plastics",  "press",
    "robotics",    "school",     "shipping", "software",   "solar",    "studio",    "systems",   "travel",
};

const char *const catalog_first_names[CATALOG_WORDS] = {
    "alex",   "amelie", "andrea", "anna",  "ben",   "bora",   "carla", "chris", "clara",  "dana",  "daniel",
    "david",  "elena",  "emil",   "emma",  "eric",  "fatima", "felix", "finn",  "george", "grace", "hana",
    "hannah", "henry",  "ines",   "ivan",  "jan",   "jihoon", "julia", "karin", "kenji",  "kim",   "lara",
    "laura",  "leo",    "lina",   "louis", "lucas", "luis",   "maria", "marta", "max",    "mei",   "mia",
    "mina",   "nadia",  "nina",   "noah",  "olga",  "olivia", "oscar", "paul",  "pedro",  "peter", "rosa",
    "ryan",   "sara",   "simon",  "sofia", "tom",   "victor", "yuna",  "zoe",   "yusuf",
};

const char *const catalog_last_names[CATALOG_WORDS] = {
    "adams",  "aoki",    "bauer", "becker",   "bell",   "berg",   "brown",   "bruno",   "carter", "chen",   "choi",
    "clark",  "costa",   "cruz",  "davis",    "dubois", "evans",  "fischer", "fontana", "garcia", "gomez",  "gray",
    "green",  "haas",    "hall",  "hansen",   "hill",   "huber",  "ito",     "ivanov",  "jones",  "jung",   "kaya",
    "keller", "khan",    "klein", "kowalski", "lang",   "lee",    "lopez",   "martin",  "meyer",  "moreau", "moser",
    "murphy", "nagy",    "novak", "olsen",    "park",   "peters", "petrov",  "popov",   "reed",   "ricci",  "rossi",
    "santos", "schmidt", "silva", "smith",    "tanaka", "thomas", "weber",   "wilson",  "yilmaz",
};

const char *const catalog_subjects[] = {
    "Your order has shipped: #",
    "Receipt for your payment #",
    "Invoice #",
    "Your verification code is #",
    "Ticket #",
    "Reset your password",
    "Welcome aboard",
    "Confirm your e-mail address",
    "This week at the shop",
    "New arrivals picked for you",
    "Last chance: 30% off ends tonight",
    "\"Quiet\" deals you may have missed",
    "Your weekly summary",
    "Security notice: new sign-in to your account",
    "How was your stay?",
    "We saved your basket",
    "Action needed: update your billing details",
    "Your subscription renews in 3 days",
    "Somebody mentioned you in a comment",
    "Build 4711 failed on main",
    "Path C:\\temp\\export is ready",
    "Meeting notes and next steps",
    "Neu eingetroffen: Bücher für den Herbst",
    "Ihre Bestellung ist unterwegs – Nr. #",
    "Votre commande a été expédiée",
    "¡Últimas horas! Envío gratis en todo",
    "주문하신 상품이 발송되었습니다",
    "이번 주 추천 상품을 확인해 보세요",
    "ご注文ありがとうございます",
    "Подтвердите адрес электронной почты",
    "您的订单已发货",
    "Party time 🎉 your invitation",
    "☕ Monday coffee digest",
    "Spring sale 🌷 starts now",
    "Your data export is ready",
    "Changes to our terms of service",
};
const uint32_t catalog_subject_count = sizeof catalog_subjects / sizeof catalog_subjects[0];
