import { expect, test } from 'vitest';
import { makeRecord } from './made-record.ts';
import { renderReport } from './render-report.ts';

const place = { context: 'release hf', machine: '2 cores' };

test('a page that needs nothing from anywhere, with a picture of every drill', () => {
  const page = renderReport([makeRecord(), makeRecord()], place);
  expect(page.match(/<svg /g)).toHaveLength(2);
  expect(page).not.toMatch(/<script|<link|src=|url\(|@import|https?:/);
});

test('an answer that was a lie is on the page with all that was answered about its session', () => {
  const honest = renderReport([makeRecord()], place);
  expect(honest).not.toContain('PROMISE BROKEN');
  expect(honest).not.toContain('class="violation"');
  const page = renderReport([makeRecord({ lie: true })], place);
  expect(page).toContain('PROMISE BROKEN');
  expect(page).toContain('lost-login');
  expect(page).toContain('all about session session-0');
});

test('what is refused, waits and gets no answer is drawn as that', () => {
  const page = renderReport([makeRecord()], place);
  for (const outcome of ['served', 'waiting', 'refused', 'unanswered'])
    expect(page, outcome).toMatch(new RegExp(`<path class="${outcome}" d="M`));
  expect(page).toContain('promised 1.00 s');
});

test('text from outside can’t become markup', () => {
  const page = renderReport([makeRecord({ title: '<img src=x onerror=alert(1)>' })], place);
  expect(page).not.toContain('<img');
});
