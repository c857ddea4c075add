import { utf8, type Crypto } from '@coxswain/host';

const maxHands = 10_000;

/** 48 bits of a flow's name. */
function hashOf(crypto: Crypto, flow: string): number {
  const sum = crypto.hash('sha256', utf8(flow));
  let value = 0;
  for (let byte = 5; byte >= 0; byte -= 1) value = value * 256 + (sum[byte] as number);
  return value;
}

/** `size` different cards of a deck: the hash read as a number whose digits have the bases deck, deck - 1, … */
export function deal(hash: number, deck: number, size: number): number[] {
  const hand: number[] = [];
  const sorted: number[] = [];
  let rest = hash;
  for (let drawn = 0; drawn < size; drawn += 1) {
    let card = rest % (deck - drawn);
    rest = Math.floor(rest / (deck - drawn));
    // The digit counts only the cards that are still in the deck.
    for (const taken of sorted) if (card >= taken) card += 1;
    hand.push(card);
    sorted.push(card);
    sorted.sort((a, b) => a - b);
  }
  return hand;
}

/** Which queues a flow may use; a flow keeps its hand, and two flows seldom have the same. */
export class Dealer {
  readonly #crypto: Crypto;
  readonly #deck: number;
  readonly #size: number;
  readonly #hands = new Map<string, readonly number[]>();

  constructor(crypto: Crypto, deck: number, size: number) {
    this.#crypto = crypto;
    this.#deck = deck;
    this.#size = Math.min(size, deck);
  }

  hand(flow: string): readonly number[] {
    const known = this.#hands.get(flow);
    if (known !== undefined) return known;
    if (this.#hands.size >= maxHands) this.#hands.clear();
    const hand = deal(hashOf(this.#crypto, flow), this.#deck, this.#size);
    this.#hands.set(flow, hand);
    return hand;
  }
}
