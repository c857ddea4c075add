import { Token, Tokenizer, TokenizerMode } from 'parse5';

/** Attributes whose value is one URL, by element (HTML 4 and 5; the list is apimachinery's). */
const urlAttributes: Readonly<Record<string, readonly string[]>> = {
  a: ['href'], applet: ['codebase'], area: ['href'], audio: ['src'], base: ['href'], blockquote: ['cite'], body: ['background'],
  button: ['formaction'], command: ['icon'], del: ['cite'], embed: ['src'], form: ['action'], frame: ['longdesc', 'src'], head: ['profile'],
  html: ['manifest'], iframe: ['longdesc', 'src'], img: ['longdesc', 'src', 'usemap'], input: ['src', 'usemap', 'formaction'], ins: ['cite'],
  link: ['href'], object: ['classid', 'codebase', 'data', 'usemap'], q: ['cite'], script: ['src'], source: ['src'], video: ['poster', 'src'],
};

/** Elements whose content is not markup. */
const contentModes: Readonly<Record<string, (typeof TokenizerMode)[keyof typeof TokenizerMode]>> = {
  script: TokenizerMode.SCRIPT_DATA, style: TokenizerMode.RAWTEXT, xmp: TokenizerMode.RAWTEXT, iframe: TokenizerMode.RAWTEXT, noembed: TokenizerMode.RAWTEXT,
  noframes: TokenizerMode.RAWTEXT, textarea: TokenizerMode.RCDATA, title: TokenizerMode.RCDATA, plaintext: TokenizerMode.PLAINTEXT,
};

interface Edit { readonly startOffset: number; readonly endOffset: number; readonly text: string }

/** For a value in double quotes. */
function quoted(value: string): string {
  return `"${value.replaceAll('&', '&amp;').replaceAll('"', '&#34;')}"`;
}

/** Rewrites the links of a page that comes in pieces. Whatever is no link leaves as it came. */
export class HtmlLinks {
  readonly #rewrite: (url: string) => string;
  readonly #tokenizer: Tokenizer;
  /** What came and has not left, and where in the document it begins. */
  #held = '';
  #heldOffset = 0;
  #doneOffset = 0;
  #edits: Edit[] = [];

  constructor(rewrite: (url: string) => string) {
    this.#rewrite = rewrite;
    const passed = (token: Token.Token): void => { this.#doneOffset = token.location?.endOffset ?? this.#doneOffset; };
    this.#tokenizer = new Tokenizer({ sourceCodeLocationInfo: true }, {
      onStartTag: (token) => { this.#startTag(token); passed(token); },
      onEndTag: passed, onComment: passed, onDoctype: passed, onEof: passed, onCharacter: passed, onNullCharacter: passed, onWhitespaceCharacter: passed,
      onParseError: null,
    });
  }

  push(text: string): string {
    this.#held += text;
    this.#tokenizer.write(text, false);
    return this.#take(this.#doneOffset);
  }

  end(): string {
    this.#tokenizer.write('', true);
    return this.#take(this.#heldOffset + this.#held.length);
  }

  #startTag(token: Token.TagToken): void {
    const mode = contentModes[token.tagName];
    if (mode !== undefined) this.#tokenizer.state = mode;
    for (const name of urlAttributes[token.tagName] ?? []) {
      const value = Token.getTokenAttr(token, name);
      const place = token.location?.attrs?.[name];
      if (value === null || place === undefined) continue;
      const link = this.#rewrite(value);
      if (link !== value) this.#edits.push({ startOffset: place.startOffset, endOffset: place.endOffset, text: `${name}=${quoted(link)}` });
    }
  }

  #take(endOffset: number): string {
    let out = '';
    let at = this.#heldOffset;
    for (const edit of this.#edits.toSorted((a, b) => a.startOffset - b.startOffset)) {
      out += this.#held.slice(at - this.#heldOffset, edit.startOffset - this.#heldOffset) + edit.text;
      at = edit.endOffset;
    }
    out += this.#held.slice(at - this.#heldOffset, endOffset - this.#heldOffset);
    this.#held = this.#held.slice(endOffset - this.#heldOffset);
    this.#heldOffset = endOffset;
    this.#edits = [];
    return out;
  }
}
