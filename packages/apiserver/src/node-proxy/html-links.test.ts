import { expect, test } from 'vitest';
import { HtmlLinks } from './html-links.ts';

function relinked(...parts: readonly string[]): string {
  const links = new HtmlLinks((url) => (url.startsWith('/') ? `/p${url}` : url));
  return parts.map((part) => links.push(part)).join('') + links.end();
}

test.each([
  ['<a href="/x">t</a>', '<a href="/p/x">t</a>'],
  ["<A class=big HREF='/x' disabled>t</A>", '<A class=big href="/p/x" disabled>t</A>'],
  ['<a href=/x>', '<a href="/p/x">'],
  ['<a href="/x?a=1&amp;b=&quot;">', '<a href="/p/x?a=1&amp;b=&#34;">'],
  ['<frame longdesc="/l" src="/s">', '<frame longdesc="/p/l" src="/p/s">'],
  ['<img src="rel.png"/><br/>', '<img src="rel.png"/><br/>'],
  ['<div href="/x">', '<div href="/x">'],
])('%s becomes %s', (page, expected) => {
  expect(relinked(page)).toBe(expected);
});

test('comments, scripts and text that look like links stay', () => {
  const page = '<!DOCTYPE html>\r\n<!-- <a href="/c"> --><script>var x = "<a href=\'/no\'>";</script><title><a href="/t"></title>a < b &amp; c &lta href="/x"><a href="/un';
  expect(relinked(page)).toBe(page);
});

test('a page in pieces of any size is the same page', () => {
  const page = `<html manifest="/m">\n<script src="/a.js">"<a href='/no'>"</script><p title="a<b">\xe4\xf6</p><a href="/x">1</a><a href='/y'>2</a></html>`;
  const whole = relinked(page);
  expect(whole).toContain('<script src="/p/a.js">"<a href=\'/no\'>"</script>');
  for (const size of [1, 2, 3, 7, 20]) expect(relinked(...(page.match(new RegExp(`[^]{1,${size}}`, 'g')) ?? []))).toBe(whole);
});
