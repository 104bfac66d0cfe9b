"""Endless training text: sentences of the corpus, the same spliced into new ones, templates, word
lists, and the odd things people type (one letter, a lone word, a phone number, forty words).

The engine writes text out in words before the talker sees it, and so does text.py with everything that lines are made of.
Every worker writes with its own seed, so no lines travel and none repeats. Held-out sentences are
never written: a line that holds one, however it is capitalised or punctuated, is thrown away."""
import lzma
import random
import re
import subprocess
from pathlib import Path

OK = re.compile(r"^[A-Za-z0-9 ,.;:'!?$%&\-]+$")
WORDS = 44  # longest line, in words

MONTHS = "January February March April May June July August September October November December".split()
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
ORD = "first second third fourth fifth sixth seventh eighth ninth tenth".split()
ONES = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split()
TENS = "x x twenty thirty forty fifty sixty seventy eighty ninety".split()
PEOPLE = ("Anna Ben Carla David Emma Frank Grace Henry Irene Jack Kate Liam Mary Nina Oliver Paul Rosa Sam Tina Victor "
          "Alice Bob Charlie Diana Edward Fiona George Hannah Ian Julia Kevin Laura Michael Nancy Oscar Peter Rachel "
          "Sarah Thomas Ursula Wendy John James Robert Linda Susan Karen Lisa Helen Mark Steven").split()
CITIES = ("London Paris Berlin Rome Madrid Tokyo Boston Chicago Denver Dallas Seattle Houston Sydney Dublin Vienna "
          "Prague Oslo Cairo Delhi Beijing Shanghai Toronto Moscow Athens Lisbon Geneva Amsterdam Brussels "
          "New York, San Francisco, Los Angeles, Hong Kong, Mexico City".replace(",", "").split())
THINGS = ("book car house phone table window door letter picture computer garden bottle key map ticket camera clock "
          "lamp chair dog cat horse bird tree flower river mountain bridge train plane boat bicycle song story game "
          "movie meeting report message file folder password screen button battery keyboard printer network server "
          "program project question answer problem idea plan lesson test paper pencil box bag coat hat shoe shirt "
          "apple orange banana cake bread cheese soup salad coffee tea water juice milk egg fish").split()
ADJ = ("good bad big small new old young happy sad quick slow bright dark warm cold quiet loud simple strange heavy "
       "light strong weak clean dirty easy hard early late open closed full empty rich poor safe dangerous beautiful "
       "ugly red green blue yellow white black brown orange purple gray pink long short tall wide narrow deep").split()
VERBS = "see find open close move take bring carry buy sell make break fix use need want like love hate keep lose read write send watch hear start stop check clean wash paint hold drop change save delete copy print".split()
PAST = "saw found opened closed moved took brought carried bought sold made broke fixed used needed wanted liked loved kept lost read wrote sent watched heard started stopped checked cleaned washed painted held dropped changed saved deleted copied printed".split()
PLACE = ("in the kitchen|on the table|at the station|near the river|behind the house|under the bridge|in the office|"
         "at school|in the garden|by the window|on the roof|in the box|across the street|at the airport|in the city|"
         "on the train|at home|at work|in the morning|in the evening|last night|next week|every day|on Monday|"
         "after lunch|before dinner|this afternoon|right now|a long time ago|once again|as soon as possible").split("|")
PRON = "I You He She We They".split()
EXCLAIMED = "no yes ha la da hey oh go wow bye hello stop na ho very really".split()
UNITS = "miles kilometers meters feet inches pounds kilograms grams liters gallons minutes hours seconds days weeks months years degrees percent dollars euros points pages people".split()


def templates(rng, words, names):
    """-> a function that makes one sentence"""
    common = words[10] + words[20]
    c = rng.choice

    def num_words(n):
        if n < 20:
            return ONES[n]
        if n < 100:
            return TENS[n // 10] + ("" if n % 10 == 0 else "-" + ONES[n % 10])
        if n < 1000:
            return ONES[n // 100] + " hundred" + ("" if n % 100 == 0 else (" and " if rng.random() < .5 else " ") + num_words(n % 100))
        return num_words(n // 1000) + " thousand" + ("" if n % 1000 == 0 else " " + num_words(n % 1000))

    def num():
        r = rng.random()
        n = rng.randrange(0, 20) if r < .3 else rng.randrange(10, 100) if r < .65 else rng.randrange(100, 1000) if r < .85 else rng.randrange(1000, 10000)
        return str(n) if rng.random() < .6 else num_words(n)

    def clock():
        h, m = rng.randrange(1, 13), rng.choice([0, 5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55, rng.randrange(60)])
        r = rng.random()
        if m == 0:
            return f"{h} o'clock" if r < .5 else f"{h} {c(['a.m.', 'p.m.', 'am', 'pm'])}"
        if r < .6:
            return f"{h}:{m:02d}"
        if r < .8:
            return f"{ONES[h]} {num_words(m)}" if m > 9 else f"{ONES[h]} oh {ONES[m]}"
        return c(["half past ", "quarter to ", "quarter past "]) + ONES[h]

    def date():
        r = rng.random()
        d, mo, y = rng.randrange(1, 29), c(MONTHS), rng.randrange(1900, 2040)
        if r < .35:
            return f"{mo} {d}, {y}"
        if r < .6:
            return f"{mo} {d}"
        if r < .8:
            return f"{c(DAYS)}, {mo} {d}"
        return f"the {c(ORD)} of {mo}"

    def obj():
        r = rng.random()
        t = c(THINGS) if r < .7 else c(common)
        return c(["the ", "a ", "my ", "your ", "this ", "that ", "our ", "his ", "her ", "their ", "the ", "the "]) + (c(ADJ) + " " if rng.random() < .45 else "") + t

    def subj():
        r = rng.random()
        if r < .45:
            return c(PRON)
        if r < .7:
            return c(PEOPLE)
        if r < .8:
            return c(names)
        s = obj()
        return s[0].upper() + s[1:]

    def low(s):
        return s if s.split()[0] in PEOPLE or s.split()[0] in ("I",) or s.split()[0] in names else s[0].lower() + s[1:]

    def pastsent():
        return f"{subj()} {c(PAST)} {obj()}" + (f" {c(PLACE)}" if rng.random() < .5 else "")

    T = [
        lambda: f"{c(['Hello', 'Hi', 'Hey', 'Good morning', 'Good evening', 'Good afternoon', 'Welcome', 'Goodbye', 'Good night', 'Thank you', 'Thanks', 'Excuse me', 'I am sorry'])}, {c(['world', 'everyone', 'my friend', 'sir', 'everybody', 'dear', c(PEOPLE), c(PEOPLE), c(names)])}{c(['.', '!', '.', ', how are you?', ', how are you doing today?', ', nice to meet you.', ', it is good to see you.', ', this is ' + c(PEOPLE) + '.', ', this is a short test.', ', see you ' + c(DAYS) + '.'])}",
        lambda: f"My name is {c(PEOPLE + names)}{c(['.', ' and I live in ' + c(CITIES) + '.', ' and I am ' + num() + ' years old.', ', nice to meet you.'])}",
        lambda: f"{c(['This is', 'Here is', 'That was', 'It is', 'This was only'])} {c(['a test', 'a short test', 'the first test', 'a simple example', 'another test', 'an example', 'a sample sentence', 'the end', 'a voice test', 'a test of the speech system'])}{c(['.', '!', ' for ' + obj() + '.', ' number ' + num() + '.', ' of the ' + c(THINGS) + '.'])}",
        lambda: pastsent() + ".",
        lambda: pastsent() + ".",
        lambda: pastsent() + f"{c([', and ', ', but ', ' because ', ' while ', ' when ', ', so ', ' before '])}{low(pastsent())}.",
        lambda: f"{c(['Do', 'Did', 'Can', 'Could', 'Would', 'Will', 'Should'])} {c(['you', 'we', 'they', 'I'])} {c(VERBS)} {obj()}{c(['', ' ' + c(PLACE)])}?",
        lambda: f"{c(['What', 'Where', 'When', 'Why', 'How', 'Who'])} {c(['did you', 'do they', 'can we', 'should I', 'will she', 'would he'])} {c(VERBS)} {obj()}?",
        lambda: f"{c(['What is', 'Where is', 'How is', 'Who has', 'Which is', 'Whose is'])} {obj()}?",
        lambda: f"{c(['Please', 'Please do not', 'Do not', 'You must', 'You should', 'Let us', 'I want to', 'We need to', 'Try to', 'Never', 'Always', 'She wants to', 'He likes to', 'They are going to'])} {c(VERBS)} {obj()}{c(['', ' ' + c(PLACE)])}.",
        lambda: f"{c(['Press', 'Click', 'Tap', 'Select', 'Choose', 'Open', 'Close'])} {c(['the', 'the ' + c(ADJ)])} {c(['button', 'menu', 'window', 'file', 'icon', 'link', 'tab', 'settings', 'search box', 'list', 'next page'])} {c(['to continue', 'to start', 'to stop', 'to save your changes', 'to cancel', 'to go back', 'to ' + c(VERBS) + ' ' + obj(), 'on the screen', 'again'])}.",
        lambda: f"{c(['Download', 'Upload', 'Update', 'Installation', 'Recording', 'Backup', 'Playback', 'Search', 'The connection', 'Your order', 'The transfer', 'Your message', 'The file'])} {c(['complete', 'failed', 'started', 'stopped', 'is ready', 'was saved', 'was deleted', 'has finished', 'is not available', 'was sent', 'has been received', 'is in progress', 'will take ' + num() + ' minutes'])}.",
        lambda: f"{c(['Battery at', 'Volume set to', 'Brightness at', 'Progress', 'About', 'Only', 'Exactly', 'Nearly'])} {num()} {c(['percent', '%', 'percent'])}.".replace(" %", "%"),
        lambda: f"The {c(['meeting', 'train', 'flight', 'bus', 'movie', 'lesson', 'show', 'game', 'party', 'store', 'call'])} {c(['starts', 'begins', 'leaves', 'ends', 'opens', 'is', 'was'])} at {clock()}{c(['', ' on ' + c(DAYS), ' tomorrow', ' today', ' on ' + date()])}.",
        lambda: f"{c(['It is', 'The time is', 'It was', 'Wake me up at', 'Set an alarm for', 'Remind me at', 'I will be there at', 'Call me at'])} {clock()}.",
        lambda: f"{c(['Today is', 'Tomorrow is', 'The deadline is', 'It happened on', 'She was born on', 'The letter is dated', 'We met on', 'The party is on', 'Your appointment is on'])} {date()}.",
        lambda: f"In {rng.randrange(1400, 2060)}, {low(pastsent())}.",
        lambda: f"{c(['The number is', 'The answer is', 'The code is', 'The total is', 'The score is', 'Page', 'Chapter', 'Room', 'Step', 'Number', 'Line', 'Version', 'Gate', 'Track'])} {num()}.",
        lambda: f"{num()} {c(['plus', 'minus', 'times', 'and', 'or', 'divided by'])} {num()} {c(['is', 'equals', 'makes'])} {num()}.",
        lambda: f"{c(['It costs', 'The price is', 'I paid', 'She earned', 'You owe me', 'The total comes to'])} ${rng.randrange(1, 500)}{c(['', f'.{rng.randrange(10, 99)}'])}.",
        lambda: f"{c(['It costs', 'The price is', 'I paid', 'He won'])} {num()} dollars{c([' and ' + num_words(rng.randrange(1, 99)) + ' cents', ''])}.",
        lambda: f"{subj()} {c(['has', 'bought', 'found', 'needs', 'counted', 'lost', 'ate'])} {num()} {c(THINGS)}s.",
        lambda: f"{c(['It is', 'The distance is', 'We walked', 'It weighs', 'It took', 'She waited', 'The trip takes', 'He is', 'There are', 'I need'])} {num()} {c(UNITS)}{c(['.', ' long.', ' away.', ' in total.', ' from here.', '.'])}",
        lambda: f"The temperature {c(['is', 'was', 'will be'])} {c(['minus ', '', '', ''])}{rng.randrange(0, 110)} degrees{c([' today', ' in ' + c(CITIES), ' outside', ''])}.",
        lambda: f"The weather {c(['today', 'tomorrow', 'in ' + c(CITIES), 'this week'])} will be {c(['sunny', 'cloudy', 'rainy', 'windy', 'foggy', 'snowy', 'warm', 'cold', 'stormy'])} {c(['', 'and ' + c(ADJ), 'with some rain', 'in the afternoon'])}.".replace(" .", "."),
        lambda: f"Turn {c(['left', 'right'])} {c(['at the next corner', 'onto ' + c(names) + ' Street', 'in ' + num() + ' meters', 'after the bridge', 'at the traffic light'])}{c(['.', ', then go straight ahead.', ' and continue for ' + num() + ' miles.'])}",
        lambda: f"My phone number is {' '.join(c([str(d), str(d)]) for d in [rng.randrange(10) for _ in range(7)])}.",
        lambda: f"{', '.join(num_words(rng.randrange(0, 30)) for _ in range(rng.randrange(3, 7)))}.".capitalize(),
        lambda: f"{', '.join(str(rng.randrange(0, 100)) for _ in range(rng.randrange(3, 6)))}.",
        lambda: f"{' '.join(rng.choice('ABCDEFGHIJKLMNOPQRSTUVWXYZ') for _ in range(rng.randrange(2, 6)))}.",
        lambda: f"{c(['The', 'A', 'My', 'Every', 'No', 'One'])} {c(ADJ)} {c(THINGS)} {c(['is', 'was', 'looks', 'seems', 'became'])} {c(ADJ)}{c(['', ' and ' + c(ADJ), ' ' + c(PLACE)])}.",
        lambda: f"{c(['I think', 'I believe', 'She said', 'He told me', 'We know', 'It is true', 'Everyone says', 'Maybe', 'I hope', 'They say that', 'Remember that'])} {low(pastsent())}.",
        lambda: f"If {low(pastsent())}, {c(['I will', 'we would', 'she could', 'they might', 'you should'])} {c(VERBS)} {obj()}.",
        lambda: f"There {c(['is', 'was', 'will be'])} {c(['a', 'one', 'another', 'no'])} {c(ADJ)} {c(THINGS)} {c(PLACE)}.",
        lambda: f"{c(['Yes', 'No', 'Well', 'Okay', 'Sure', 'Of course', 'Oh', 'Right', 'All right', 'Maybe'])}{c(['.', '!', ', ' + low(pastsent()) + '.', ', I think so.', ', that is right.', ', let me check.', ', not yet.'])}",
        lambda: f"{c(['I', 'We', 'They', 'You'])} {c(['am not', 'can not', 'do not', 'will not', 'could not', 'did not'])} {c(VERBS)} {obj()}.".replace("We am", "We are").replace("They am", "They are").replace("You am", "You are").replace("I are", "I am"),
        lambda: f"{c(['I', 'We', 'They', 'You'])} {c(['can', 'don', 'won', 'couldn', 'didn', 'shouldn'])}'t {c(VERBS)} {obj()}{c(['', ' ' + c(PLACE)])}.",
        lambda: f"{c([chr(73), 'We', 'They', 'You'])}'{c(['ll', 'd', 've', 'll'])} {c(['be', 'been', 'gone', 'go', 'come', 'leave'])} {c(PLACE)}.",
        lambda: f"{c(words[35]).capitalize()}{c(['.', '!', '?', ''])}",
        lambda: f"{c(common).capitalize()} {c(common)}.",
        lambda: f"{c(words[35]).capitalize()}, {c(words[35])}, {c(['and ', ''])}{c(common)}.",
        lambda: f"{c(words[40] + words[50]).capitalize()} {c(['and', 'or', 'of', 'with', 'without', 'in', 'for'])} {c(words[35])}.",
        lambda: f"The {c(['word', 'next word', 'answer', 'password', 'title', 'subject'])} is {c(words[35] + words[40])}.",
        lambda: f"{c(['The', 'A', 'Some', 'Every', 'This', 'That'])} {c(common)} {c(words[35])} {c(['of', 'and', 'in', 'on', 'with', 'for', 'to', 'from'])} the {c(words[35])} {c(common)}.",
        lambda: f"{' '.join(c(common) for _ in range(rng.randrange(3, 9))).capitalize()}.",
        lambda: f"{c(PEOPLE + names)} {c(['and', 'or', 'met', 'called', 'likes', 'visited', 'married'])} {c(PEOPLE + names)}{c([' in ' + c(CITIES), ' on ' + c(DAYS), ''])}.",
        lambda: f"{c(['Flight', 'Train', 'Bus', 'Ship'])} {num()} to {c(CITIES + names)} {c(['is delayed', 'is now boarding', 'departs at ' + clock(), 'has arrived', 'was cancelled'])}.",
        lambda: f"{c(['Warning', 'Error', 'Note', 'Attention', 'Important', 'Question', 'Answer', 'Reminder'])}: {low(pastsent())}.",
        lambda: f"{c(['How much', 'How many', 'How long', 'How far', 'How often'])} {c(['do you need', 'is it', 'will it take', 'did they pay', 'should I wait', 'can you carry'])}?",
    ]
    return lambda: c(T)()


def odd(r, word, names):
    """what a user tries first: letters, one word, numbers, spelling, capitals, one word again and again; word: a function
    that gives one"""
    A = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    k = r.randrange(15)
    letters = [r.choice(A) for _ in range(r.randrange(2, 8))]
    if k == 0:
        return r.choice(A + A.lower())
    if k == 1:
        return r.choice(A + A.lower()) + r.choice(".!?")
    if k in (2, 3):
        w = word()
        return r.choice([w, w.capitalize(), w.capitalize() + ".", w.capitalize() + "?", w.capitalize() + "!", w.upper(), w + "."])
    if k == 4:
        return r.choice([" ", ". ", ", ", "-", ""]).join(letters) + r.choice(["", "."])
    if k == 5:
        return str(r.randrange(10 ** r.randrange(1, 8))) + r.choice(["", ".", "!", "?"])
    if k == 6:
        n = r.randrange(10000, 10 ** 7)
        return f"{r.choice(['It has', 'We sold', 'About', 'There are', 'They counted', 'Nearly'])} {n:,} {r.choice(['people', 'copies', 'stars', 'dollars', 'votes', 'miles'])}."
    if k == 7:
        return f"{r.choice(['The value is', 'Add', 'It weighs', 'The rate is', 'Version', 'About'])} {r.randrange(100)}.{r.randrange(100)}{r.choice(['', ' percent', '%', ' kilograms', ' meters'])}."
    if k == 8:
        return f"{r.choice(['Mr.', 'Mrs.', 'Ms.', 'Dr.', 'Prof.', 'St.', 'Captain', 'Queen'])} {r.choice(names)} {r.choice(['is here', 'called', 'will see you now', 'lives at ' + str(r.randrange(1, 999)) + ' ' + r.choice(names) + ' Street', 'said hello'])}."
    if k == 9:
        return f"{r.choice(['Call', 'Dial', 'My number is', 'Text', 'Ring'])} {r.choice(['', str(r.randrange(200, 999)) + '-'])}{r.randrange(200, 999)}-{r.randrange(1000, 9999)}{r.choice(['', '.'])}"
    if k == 10:
        return f"{r.choice(['Spell', 'It is spelled', 'The letters are', 'My initials are', 'Write'])} {r.choice([' ', '. ', ', ', '-']).join(letters)}."
    if k == 11:
        return f"{r.choice(['The', 'An', 'My', 'This'])} {''.join(letters[:r.randrange(2, 5)])} {word()} {r.choice(['is ready', 'was lost', 'works', 'failed', 'comes next'])}."
    if k == 12:  # the alphabet, or a part of it
        i = r.choice([0, r.randrange(22)])
        return r.choice([" ", ", "]).join(A[i:r.choice([26, r.randrange(i + 3, 27)])]) + r.choice(["", "."])
    if k == 13:
        w = r.choice([word(), r.choice(EXCLAIMED)])
        return r.choice([" ", " ", ", ", "! ", ". "]).join([w] * r.choice([r.randrange(2, 9), r.randrange(2, 41)])) + r.choice(["", ".", "!"])
    return r.choice(["Yes", "No", "Hello", "Hi", "OK", "Okay", "Stop", "Go", "Wait", "Thanks", "Hmm", "Oh", "Ah", "Please", "Sorry", "Bye", "Goodbye", "Well", "Really", "Sure", "Maybe", "Why", "What", "Who", "Help"]) + r.choice(["", ".", "!", "?", "...", ","])


def plain(s):
    """letters and digits only, to compare sentences"""
    return re.sub(r"[^a-z0-9]+", " ", s.lower()).strip()


def sentence(s):
    s = s[0].upper() + s[1:]
    return s if s[-1] in ".!?" else s + "."


def written(engine, lines):
    """the lines as the engine writes them out: numbers, abbreviations and signs in words"""
    r = subprocess.run([engine, "normalize", "-"], input="\n\n".join(lines), check=True, capture_output=True, text=True)
    out = r.stdout.rstrip("\n").split("\n\n")
    if len(out) != len(lines):
        raise SystemExit(f"{engine} normalize made {len(out)} paragraphs of {len(lines)}")
    return out


class Source:
    """The corpus, the pieces and the word lists; read once and shared by all workers."""

    def __init__(self, folder):
        f, read = Path(folder), lambda p: lzma.open(p, "rt").read()  # noqa: E731
        self.corpus = read(f / "corpus.txt.xz").splitlines()
        self.templates, self.odd = (x.splitlines() for x in read(f / "pieces.txt.xz").split("\n\n"))
        lists = [x.split() for x in read(f / "words.txt.xz").split("\n\n")]
        self.words, self.names = dict(zip((10, 20, 35, 40, 50, 70), lists[:-1])), lists[-1]
        held = [plain(x) for name in ("heldout.txt", "heldout-written.txt") for x in (f / name).read_text().splitlines()]
        self.held, self.held_long = set(held), [x for x in held if len(x.split()) > 2]
        self.split = [x.split() for x in self.corpus]
        self.where = {}
        for i, ws in enumerate(self.split):
            for j, w in enumerate(ws[:-1]):
                self.where.setdefault(w, []).append((i, j))


class Writer:
    def __init__(self, source, seed, start=0, step=1):
        """start, step: which corpus sentences are this writer's to use unchanged, once each"""
        self.s, self.rng = source, random.Random(seed)
        self.next, self.step = start, step
        self.rarer = source.words[40] + source.words[50]

    def splice(self):
        """walk through the corpus, changing sentences at a word they share"""
        s, r = self.s, self.rng
        i, j = r.randrange(len(s.split)), 0
        out = []
        while j < len(s.split[i]) and len(out) < WORDS:
            w = s.split[i][j]
            out.append(w)
            if r.random() < 0.4 and w in s.where:
                i, j = r.choice(s.where[w])
            j += 1
        return " ".join(out)

    def word(self):
        """everyday words above all"""
        r, s = self.rng.random(), self.s
        kinds = (0.3, s.words[10]), (0.45, s.words[20]), (0.7, s.words[35]), (0.78, self.rarer), (0.86, s.words[70]), (1, s.names)
        return self.rng.choice(next(words for most, words in kinds if r < most))

    def jumble(self):
        """unrelated words: spelling and sound alone"""
        r = self.rng
        ws = [self.word() for _ in range(r.choice([1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 16]))]
        for i in range(len(ws) - 1):
            if r.random() < 0.08:
                ws[i] += ","
        s = " ".join(ws)
        return sentence(s) if r.random() < 0.8 else s

    def plain_line(self):
        r = self.rng.random()
        if r < 0.28:
            return sentence(self.splice())
        if r < 0.52:
            return self.rng.choice(self.s.templates)
        if r < 0.85:
            return self.jumble()
        s = self.s.corpus[self.next % len(self.s.corpus)]
        self.next += self.step
        return s

    def line(self):
        r = self.rng
        while True:
            k = r.random()
            if k < 0.07:
                s = r.choice(self.s.odd)
            elif k < 0.20:  # several sentences, up to the longest
                n, parts = r.randrange(12, WORDS), []
                while sum(len(p.split()) for p in parts) < n:
                    parts.append(self.plain_line())
                if r.random() < 0.4:  # as one
                    parts = [p.rstrip(".!?") for p in parts]
                    s = r.choice([", and ", ", ", "; ", " and ", " because ", ", but "]).join([parts[0]] + [p[:1].lower() + p[1:] for p in parts[1:]]) + "."
                else:
                    s = " ".join(p if p[-1:] in ".!?" else p + "." for p in parts)
            else:
                s = self.plain_line()
            s = re.sub(r"\s+", " ", s).strip()
            k = r.random()
            if k < 0.03:
                s = s.lower()
            elif k < 0.05:
                s = s.rstrip(".!?")
            p = plain(s)
            if p and OK.match(s) and len(s) < 330 and len(s.split()) <= WORDS and p not in self.s.held and not any(h in p for h in self.s.held_long):
                return s
