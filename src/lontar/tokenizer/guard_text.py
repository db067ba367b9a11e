"""Text whose token ids must never change, whatever the corpus holds: English, German and French words, and code.

A merge of a Latin-script language is dropped when it fires here. A corpus in English guards better, being larger; these
lines are what stands between code and an Indonesian merge when the corpus has no code. Written for this project.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lontar.tokenizer.base import Bpe

_WORDS = """
a able about above accept access account across act action activity actually add address age ago agree air all allow
almost alone along already also always am among amount an analysis and animal another answer any anyone anything appear
apply approach area argue arm around arrive art article as ask at attack attention available average avoid away baby
back bad bag ball bank bar base basic be beat beautiful because become bed been before began begin behavior behind
being believe benefit best better between beyond big bill bit black block blood blue board body book both bottom box
boy branch break bring brother budget build building business but buy by call came camera campaign can cancer candidate
capital car card care career carry case catch cause cell center central century certain chair challenge chance change
character charge check child choice choose church citizen city civil claim class clear close coach code cold collection
college color column come command comment commercial common community company compare compute computer concern
condition conference consider contain content continue control copy cost could count country couple course court cover
create crime culture cup current customer cut dark data database daughter day dead deal death debate decade decide
decision deep default defense define degree delete democratic describe design despite detail determine develop
development device die difference different difficult dinner direction directory discover discuss disease distance do
doctor document does dog done door double down download draw dream drive drop drug during each early east easy eat
economic economy edge education effect effort eight either election element else empty end energy engine enjoy enough
enter entire environment error especially establish even evening event ever every everyone everything evidence exactly
example except exist expect experience explain express eye face fact factor fail fall false family far fast father fear
federal feel few field fight figure file fill film final finally find fine finger finish fire firm first fish five
floor fly focus folder follow food foot for force foreign forget form format former forward found four free friend from
front full function fund future game garden gas general generation get girl give glass go goal good government great
green ground group grow growth guess gun guy hair half hand hang happen happy hard has have he head health hear heart
heat heavy help her here herself high him himself his history hit hold home hope hospital hot hotel hour house how
however huge human hundred husband idea identify if image imagine impact import important improve in include increase
index indeed indicate individual industry information input inside install instead institution integer interest
interesting international interview into investment involve issue it item its itself job join just keep key kid kill
kind kitchen knew know knowledge land language large last late later laugh law lawyer lay lead leader learn least leave
left leg legal length less let letter level library lie life light like likely limit line link list listen little live
local log logic long look loop lose loss lot love low machine magazine main maintain major majority make man manage
management many mark market marriage material matter may maybe me mean measure media medical meet meeting member memory
mention message method middle might military million mind minute miss mission model modern module moment money month
more morning most mother mouth move movement movie much music must my myself name nation national natural nature near
nearly necessary need network never new news newspaper next nice night no node none nor north not note nothing notice
now null number object occur of off offer office officer official often oh oil ok old on once one only onto open
operation opportunity option or order organization other others our out output outside over own owner package page
pain paint pair panel paper parameter parent parse part participant particular particularly partner party pass past
path patient pattern pay peace people per perform performance perhaps period person personal phone physical pick
picture piece place plan plant play player please point police policy political politics poor popular population
position positive possible power practice prepare present president pressure pretty prevent price print private
probably problem process produce product production professional professor program project property protect prove
provide public pull purpose push put quality query question quickly quite race radio raise range rate rather reach read
ready real reality realize really reason receive recent recently recognize record red reduce reflect region relate
relationship religious remain remember remove report represent request require research resource respond response
responsibility rest result return reveal rich right rise risk road rock role room root rule run safe same save say
scene school science scientist score sea search season seat second section security see seek seem select self sell send
senior sense sent sentence serious serve server service session set seven several shake share she shoot short shot
should show side sign significant similar simple simply since sing single sister sit site situation six size skill skin
small so social society soldier some somebody someone something sometimes son song soon sort sound source south
southern space speak special specific speech spend sport spring staff stage stand standard star start state statement
station status stay step still stock stop store story strategy street string strong structure student study stuff style
subject success such suddenly suffer suggest summer support sure surface system table take talk target task tax teach
teacher team technology television tell ten tend term test text than thank that the their them themselves then theory
there these they thing think third this those though thought thousand threat three through throughout throw thus time
title to today together token tomorrow tonight too top total tough toward town trade traditional training travel treat
treatment tree trial trip trouble true truth try turn two type under understand unit until up update upon url us use
user usually value variable various vector version very victim view village violence visit voice vote wait walk wall
want war warning was watch water way we weapon wear week weight well went were west western what whatever when where
whether which while white who whole whom whose why wide wife will win wind window wish with within without woman wonder
word work worker world worry would write writer wrong yard yeah year yes yet you young your yourself zero
"""
# The register of encyclopedias and newspapers has words of its own.
_WRITTEN = """
abbey absorb academy acid adhere adherent adhesive admiral agency agrarian alliance alphabet altitude aluminum
ambassador amphibian ancestor anthem antibody aquatic archaeology archbishop archipelago architect aristocracy artillery
assembly asteroid astronomy atmosphere atom autonomy bacteria ballot baptism barrier basilica biology bishop borough
botany bronze buddhism bureau cabinet calculus calendar caliph canal canyon carbon cathedral cavalry census ceramic
chairman chancellor charter childhood chloride christianity chronicle citadel citizenship climate coalition colony
comet commander commission commodity communism compound congress conquest conservation consonant constituency
constitution continent convention copper coral council creed crude currency cylinder decree defendant delegate
democracy density deputy descendant desert dialect diameter dictator diocese diplomat dissident doctrine domain dominion
dynasty earthquake eclipse ecology electron embassy emigrant emission emperor empire endanger enzyme epidemic equator
erosion estuary ethnic evolution excavate exile expedition export extinct federation fertile fertilizer feudal fiber
fleet folklore foreshadow fortress fossil frontier fungus galaxy gender genetic geography geology glacier governor
gradient grammar granite gravity guerrilla gulf habitat handheld harbor headhunter heritage hemisphere hinduism
historian hormone hydrogen immigrant immune imperial import incumbent independence indigenous inflation inhabitant
inscription insurgent invasion irrigation islam isotope jihad judaism judiciary jurisdiction khaki kingdom landholder
latitude legend legislature leopard lexicon limestone linguist literacy longitude lunar magma magnetic mammal mandate
manuscript maritime marsupial medieval mercury metabolism migrant mineral minister ministry missionary molecule monarch
monastery monk monsoon monument mosque motto municipality mythology nationalism navy neighborhood neutron nitrogen nobel
nomad nuclear oath oblast observatory orbit organism orthodox oxygen pact parasite parish parliament passenger patriarch
peasant peninsula petroleum pharaoh philosophy phoneme photosynthesis physicist pilgrim plague plateau playwright
poetry population predator prefecture premier prime principality prophet protein protest province quantum quarry rabbi
radar radiation railway rebellion redhead referendum reform refugee regime regiment reign reptile republic revenue
revolution rhetoric rhythm roadhouse ruler sanctuary satellite scholar sculpture secular seismic senate serfdom shah
sheikh shrine siege silicon sodium solar sovereign spacecraft species statute stockholder strait subspecies suburb
sulfur sultan supreme surrender syllable synagogue syndrome tariff taxation temple terrain territory theology
theorem tissue tournament treaty tribe tribute tropical tsar tsunami tungsten turbine typhoon uranium vaccine vassal
velocity verdict veto viceroy virus volcano voltage voyage warlord wavelength withdraw withhold zodiac zoology
"""
_EVERYDAY = """
airport ant apple apron aunt autumn avocado bacon bake bakery balcony bamboo banana bandage bark barn barrel basket bat
bath bathroom beach bean bear beard bedroom bee beef beer bell belt bench berry bicycle bird birthday biscuit bite
bitter
blanket bleed blossom blow boat boil bone boot borrow bottle bowl bracelet brain brave bread breakfast breath breeze
brick bridge bright broken broom brown brush bucket bug bush butter butterfly button cabbage cabin cage cake calendar
calm camel candle candy canoe carpenter carpet carrot castle cat cattle cave ceiling chain chalk cheap cheek cheese
cherry chest chicken chili chin chocolate cinnamon clay clean clever climb clock cloth clothes cloud cloudy coat coconut
coffee coin comb cook cookie copper coral corn corner cotton couch cough cousin cow crab crocodile crop crowd crown cry
cucumber cupboard curry curtain cushion dance deer delicious dentist desert desk diamond dig dish ditch dive dolphin
donkey dragon drawer dress drink drum dry duck dust ear earring earth earthquake egg elbow elephant evening eyebrow
fabric farm farmer fasten feather fence fern ferry fever finger fisherman flag flame flood flour flower flute fog forest
fork forty fountain fox fresh fridge frog fruit fry furniture garbage garlic gate ghost gift ginger giraffe glove glue
goat gold goose grandfather grandmother grape grass grave gravy grill grow guava guest guitar hammer handle handkerchief
harbor harvest hat hawk heel helicopter herb hero hike hill hobby hole holiday holy honest honey hook horn horse
household hungry hunt hurry hut ice insect iron island jacket jackfruit jar jaw jewel jungle kettle kitchen kite kitten
knee knife knock ladder lake lamb lamp lantern laundry leaf leather lemon lend lettuce lightning lime lion lip liver
lizard lobster lock log lotus loud luggage lunch lung mango mangoes mat meal meat medicine melon melt mend merry metal
midnight milk mirror mist mix monkey monsoon moon mosque mosquito mountain mouse mud muscle mushroom nail narrow neck
necklace needle neighbor nephew nest net niece noisy noodle nose nurse nut oar oats ocean octopus olive onion orange
orchid oven owl ox oyster paddle palace palm pan papaya parade parcel park parrot pea peach peacock peanut pear pearl
peel pencil pepper perfume picnic pie pig pigeon pillow pilot pin pineapple pink pipe plain plane plate plow pocket
poem pole polite pond porch porridge port pot potato pottery pour prawn pray pumpkin puppy purple purse puzzle quarrel
queen quiet rabbit rain rainbow raincoat rainy raw razor recipe rescue ribbon rice ride ring ripe river roast rob roof
rooster root rope rose rough row rubber rug rust sack sad saddle sail sailor salad salt sand sandal sandwich sauce
sausage scarf scissors seafood seed sew shade shallow shark sharp shave sheep sheet shelf shell shine ship shirt shoe
shore shoulder shovel shower shrimp shy silk silver sink skirt sky sleep slice slip slow smell smile smoke smooth snail
snake snow soap sock soft soil soup sour spice spicy spider spill spinach spoon spray squid squirrel stairs stamp
steam steel stem stew stick sting stir stomach stone stool storm stove straw stream stretch sugar suitcase sun sunny
sunrise sunset swallow swamp sweat sweep sweet swim sword tail tailor tailored tall tamarind tap taste tea teapot tear
teeth temple tent thick thief thirsty thread throat thumb thunder ticket tide tie tiger tight tin tiny tired toast toe
toilet tongue tooth torch towel tower toy tractor traffic tray trousers trunk tuna turtle twenty twin ugly umbrella
uncle valley van vase vegetable veil village vine vinegar violin volcano wallet warm wash waterfall wave wax weave web
wedding weed weigh wet whale wheat wheel whisper whistle wing winter wipe wolf wood wooden wool worm wound wrap wrist
yam yawn yellow yesterday yogurt young zebra zoo
"""

_CODE = r"""
import os, sys, json, logging
from collections import defaultdict
def mean(xs: list[float]) -> float:
    return sum(xs) / len(xs)  # arithmetic mean
class Node(Base): __slots__ = ("key", "value"); self._items = {}
async def main(): await asyncio.gather(*tasks, return_exceptions=True)
@property lambda x: x ** 2 if x is not None else -1
with open(path, "r", encoding="utf-8") as f: data = json.load(f)
raise ValueError(f"unknown kind {kind!r}") from err
np.array([[1, 2], [3, 4]]).reshape(-1, 2).astype(np.float32)
for (int i = 0; i < n; i++) { total += a[i]; } printf("%d\n", total);
#include <stdio.h> #define MAX(a, b) ((a) > (b) ? (a) : (b)) static inline void *malloc(size_t n);
template <typename T> std::unique_ptr<T> make(const std::string& s) { return nullptr; }
public static void main(String[] args) throws IOException { System.out.println(args.length); }
@Override protected final boolean isEmpty() { return this.size == 0; } implements Serializable
const { data, isLoading } = useQuery(["key"], async () => (await fetch(url)).json());
export default function App({ children }) { return <div className="app">{children}</div>; }
let xs = arr.filter(x => x !== undefined).map(parseInt); console.log(`${xs.length} items`);
interface Props { onChange?: (event: ChangeEvent<HTMLInputElement>) => void; readonly id: string | null }
fn main() -> Result<(), Box<dyn Error>> { let mut v: Vec<u8> = vec![0; 16]; println!("{:?}", &v[..4]); Ok(()) }
impl<T: Clone> Iterator for Iter<'_, T> { type Item = T; fn next(&mut self) -> Option<Self::Item> { None } }
package main; import ("fmt"; "net/http"); func handler(w http.ResponseWriter, r *http.Request) { defer r.Body.Close() }
if err != nil { return fmt.Errorf("read %s: %w", name, err) }; ch := make(chan struct{}, 1); go func() {}()
SELECT u.id, COUNT(*) AS n FROM users u LEFT JOIN orders o ON o.user_id = u.id WHERE o.price >= 10.5 GROUP BY u.id;
CREATE TABLE IF NOT EXISTS events (id BIGINT PRIMARY KEY, created_at TIMESTAMP NOT NULL DEFAULT now(), body JSONB);
INSERT INTO t VALUES (1, 'a'); UPDATE t SET x = NULL; DELETE FROM t; ALTER TABLE t ADD COLUMN y VARCHAR(255);
<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Page</title></head><body><a href="/?q=1">x</a>
<script src="https://example.org/main.js" defer></script><img alt="" width="100%"><span>&nbsp;&copy;</span>
body { margin: 0 auto; background-color: #f0f0f0; font-family: sans-serif; } @media (max-width: 600px) {
.nav > li:hover { display: block; padding: 4px 8px; }
{"id": 42, "tags": ["a", "b"], "ok": true, "ratio": 1.5e-3, "nested": {"null": null}, "array": [], "config": {}}
name: build
on: [push, pull_request]
jobs: {test: {runs-on: ubuntu-latest, steps: [{uses: actions/checkout@v4}, {run: make test}]}}
FROM python:3.12-slim RUN apt-get update && apt-get install -y --no-install-recommends git COPY . /app ENTRYPOINT ["sh"]
git commit -m 'fix: handle empty input' && git push origin main 2>&1 | tail -n 20; export PATH="$HOME/bin:$PATH"
for f in *.txt; do echo "$f"; done; if [ -z "$1" ]; then exit 1; fi; sudo chmod +x ./run.sh; grep -rn "main" src/
\begin{equation} \frac{\partial L}{\partial w} = \sum_{i=1}^{n} \alpha_i x_i \end{equation} \usepackage{amsmath}
torch.nn.functional.cross_entropy(logits, labels, ignore_index=-100, reduction="mean").backward(); optimizer.step()
val df = spark.read.parquet(path).groupBy("key").agg(sum("value")) object Main extends App { }
<?php foreach ($items as $key => $value) { echo htmlspecialchars($value); } ?> $this->request->getMethod();
def initialize(attrs = {}) attrs.each { |k, v| instance_variable_set("@#{k}", v) } end unless self.nil?
https://www.example.com/path/to/page.html?utm_source=mail&id=123#top user.name+tag@example.co.uk 192.168.0.1
2024-01-31T23:59:59Z 3.14159 0x7fffffff 1_000_000 1e-5 UTF-8 SHA256 HTTP/1.1 200 OK Content-Type: application/json
getElementById addEventListener toString indexOf substring charAt parseFloat innerHTML setTimeout onClick useState
malloc realloc memcpy strlen struct typedef enum union extern volatile sizeof unsigned uint8_t ptr idx tmp buf len argv
kwargs args init repr isinstance enumerate zip sorted dict tuple str int bool bytes iter elif nonlocal assert yield del
localhost username password timestamp metadata filename hostname endpoint callback middleware namespace serializer
"""


# Words of languages that an extension is not for, and that share its letters, one file each.
FOREIGN = Path(__file__).parent / "guard_words"
# A base that takes more tokens a word never learned the language. Qwen3 takes 2.4 in German and French, GPT-4o 1.9, an
# English toy 5.1: guarding what it spells out would forbid nearly every pair of its tokens to Indonesian.
KNOWN_TOKENS = 3.5
# One word of so many is looked at.
EVERY = 7


def guard_lines(base: Bpe | None = None) -> list[str]:
    """One line per word in its forms, words of other languages of the script as they are, and the lines of code.

    Args:
        base: whose ids are guarded; of the other languages those that it knows. All of them without it.
    """
    lists = [path.read_text(encoding="utf-8").split() for path in sorted(FOREIGN.glob("*.txt"))]
    foreign = {word for words in lists if base is None or knows(base, words) for word in words}
    return [
        *map(_forms, sorted({*_WORDS.split(), *_EVERYDAY.split(), *_WRITTEN.split()})),
        *(f"{word} {word} {word.capitalize()}" for word in sorted(foreign)),
        *_CODE.strip().splitlines(),
        _CODE,
    ]


def knows(base: Bpe, words: Sequence[str]) -> bool:
    """Whether a tokenizer has learned the language of some words."""
    some = words[::EVERY]
    return sum(len(base.encode(f" {word}")) for word in some) <= KNOWN_TOKENS * len(some)


def _forms(word: str) -> str:
    """The word with and without a space before it, capitalized, and with the common endings, rules bent."""
    stem = word.removesuffix("e")
    endings = [f"{word}s", f"{stem}ed", f"{stem}ing", f"{stem}er", f"{word}ly"] if len(word) > 2 else []
    return " ".join([word, word, word.capitalize(), word.capitalize(), *endings])
