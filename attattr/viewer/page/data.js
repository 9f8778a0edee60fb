// What `pack.py` packed: texts and small numbers are plain, the rest is unpacked when an example is looked at.

async function inflated(text) {
  const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

async function unpackedMaps(packed) {
  const bytes = await inflated(packed.bytes);
  return { scale: packed.scale, whole: new Int8Array(bytes.buffer), sign: 1 };
}

// Maps are read by layer and head; head `heads`, one more than there are, is the sum over all.
function loader(data) {
  const loaded = new Map();

  async function load(number) {
    const example = data.examples[number];
    const explanations = [];
    for (const one of example.explanations) {
      const details = JSON.parse(new TextDecoder().decode(await inflated(one.details)));
      const minus = one.maps.minus;
      const maps = minus === undefined ? await unpackedMaps(one.maps) : { ...explanations[minus].maps, sign: -1 };
      explanations.push({ target: one.target, ...details, maps });
    }
    const names = example.tokens.map((token, place) => (token.trim() || token) + example.marks[place]);
    return { ...example, names, n: example.tokens.length, attention: await unpackedMaps(example.attention), explanations };
  }

  return (number) => {
    if (!loaded.has(number)) loaded.set(number, load(number));
    return loaded.get(number);
  };
}

// One map as a function of query and key, with its largest magnitude.
function mapOf(maps, { layer, head, heads }, { n, levels }) {
  const start = (layer * heads + head) * n * n;
  const scale = maps.scale[layer][head];
  const step = (maps.sign * scale) / levels;
  return { scale, at: (query, key) => step * maps.whole[start + query * n + key] };
}

const attentionMap = (view, state) =>
  state.head < view.heads ? mapOf(view.attention, { ...state, heads: view.heads }, view) : attentionMean(view, state);

const attributionMap = (view, state) =>
  mapOf(view.explanations[state.explanation].maps, { ...state, heads: view.heads + 1 }, view);

// Attention of all heads together: their mean, as it is a probability.
function attentionMean(view, { layer }) {
  const own = Array.from({ length: view.heads }, (_, head) => mapOf(view.attention, { layer, head, heads: view.heads }, view));
  const mean = new Float64Array(view.n * view.n);
  for (const map of own)
    for (let query = 0; query < view.n; query++)
      for (let key = 0; key < view.n; key++) mean[query * view.n + key] += map.at(query, key) / view.heads;
  return { scale: mean.reduce((largest, value) => Math.max(largest, value), 0), at: (query, key) => mean[query * view.n + key] };
}
