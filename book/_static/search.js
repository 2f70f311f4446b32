// The search page: an index of all sections, made when it is opened, and the best of them for the words in ?q=.
(() => {
    const form = document.querySelector(".bd-search-container form"),
        field = form.querySelector("input"),
        state = document.getElementById("rk-search-state"),
        list = document.getElementById("rk-search-results");
    const MOST = 40,
        OF_A_PAGE = 3,
        AROUND = 16; // results, those of one page, and words on each side of a match
    const WORDS = /[\p{L}\p{N}_]+/gu;

    const stemmer = new Stemmer(),
        stems = new Map(),
        stopped = new Set(rkStopped);
    function stem(word) {
        const lower = word.toLowerCase();
        if (!stems.has(lower)) stems.set(lower, stopped.has(lower) ? null : stemmer.stemWord(lower));
        return stems.get(lower);
    }
    const words = (text) => text.match(WORDS) ?? [];

    function indexed() {
        const index = new MiniSearch({
            fields: ["title", "page", "text", "code"],
            storeFields: ["href", "title", "page", "text", "weight"],
            tokenize: words,
            processTerm: stem,
        });
        let id = 0;
        for (const [page, entries] of Object.entries(rkSections)) {
            const title = entries[0]?.[1];
            for (const [anchor, name, text, code, weight] of entries) {
                const href = `${page}.html${anchor ? `#${anchor}` : ""}`;
                index.add({ id: id++, href, title: name, page: title, text, code, weight });
            }
        }
        return index;
    }

    // What was typed, and the same in the words of the book.
    function queries(text) {
        const lower = text.toLowerCase().trim();
        const known = Object.entries(rkSynonyms).filter(([word]) => ` ${lower} `.includes(` ${word} `));
        return [lower, ...known.map(([word, name]) => lower.replace(word, name))];
    }

    function found(index, text) {
        const options = {
            boost: { title: 3, page: 2, code: 0.3 },
            boostDocument: (_, __, { weight }) => weight,
            prefix: (term) => term.length > 3,
            fuzzy: (term) => (term.length > 5 ? 0.2 : false),
            weights: { fuzzy: 0.2, prefix: 0.5 },
        };
        // Of each wording the results, the better the more of its words they have; of each result its best.
        const best = new Map();
        for (const query of queries(text)) {
            const all = new Set(words(query).map(stem).filter(Boolean)).size;
            for (const result of index.search(query, options)) {
                result.score *= (result.queryTerms.length / all) ** 3;
                if (!(best.get(result.id)?.score > result.score)) best.set(result.id, result);
            }
        }
        return [...best.values()].sort((a, b) => b.score - a.score);
    }

    function fewOfEach(results) {
        const counts = new Map();
        return results.filter(({ page }) => {
            counts.set(page, (counts.get(page) ?? 0) + 1);
            return counts.get(page) <= OF_A_PAGE;
        });
    }

    const make = (tag, properties, ...children) => {
        const element = Object.assign(document.createElement(tag), properties);
        element.append(...children);
        return element;
    };

    // The part of a text with most of the words that were found, these marked.
    function excerpt(text, terms) {
        const places = [...text.matchAll(WORDS)];
        const hits = places.map(([word]) => terms.has(stem(word)));
        let best = 0,
            most = -1;
        hits.forEach((hit, i) => {
            const around = places.slice(i, i + 2 * AROUND).map(([word], k) => hits[i + k] && stem(word));
            const near = hit && new Set(around).size;
            if (near > most) [best, most] = [i, near];
        });
        const first = Math.max(0, best - AROUND / 2),
            last = Math.min(places.length, first + 2 * AROUND);
        if (!places.length) return [];
        const parts = [first ? "… " : ""];
        let at = places[first].index;
        for (let i = first; i < last; i++) {
            const [word] = places[i],
                { index } = places[i];
            parts.push(text.slice(at, index), hits[i] ? make("mark", { textContent: word }) : word);
            at = index + word.length;
        }
        return [...parts, last < places.length ? " …" : text.slice(at)];
    }

    function show(text) {
        const results = fewOfEach(found(index, text)).slice(0, MOST);
        list.replaceChildren(
            ...results.map(({ href, title, page, text: whole, terms }) => {
                const link = make("a", { href, textContent: title });
                const where = page === title ? [] : [make("span", { className: "rk-where", textContent: page })];
                return make("li", {}, link, ...where, make("p", {}, ...excerpt(whole, new Set(terms))));
            }),
        );
        state.textContent = results.length
            ? `${results.length === 1 ? "One place" : `${results.length} places`} for “${text}”, the best first.`
            : `Nothing in the book has “${text}”.`;
    }

    const index = indexed(),
        text = new URLSearchParams(location.search).get("q")?.trim();
    field.focus();
    if (text) {
        for (const each of document.querySelectorAll('input[name="q"]')) each.value = text;
        show(text);
    }
    form.addEventListener("submit", (event) => {
        if (location.protocol === "file:") return; // whose address no script may change
        event.preventDefault();
        history.replaceState(null, "", `?${new URLSearchParams({ q: field.value })}`);
        show(field.value.trim());
    });
})();
