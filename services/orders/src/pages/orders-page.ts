import { formatTime, OWNER_FIELD, type Page } from '@holdfast/pages';
import { html, raw } from 'hono/html';
import type { OrderPage } from '../order-repository.ts';

export interface OrdersPageOptions {
  page: OrderPage;
  userId: string;
  /** For the next order: sent twice it is placed once. */
  idempotencyKey: string;
  notice?: string | undefined;
  /** What is wrong with the order that was sent, and what it was. */
  refused?: { problem: string; sku: string; quantity: string };
}

export function ordersPage({ page, userId, idempotencyKey, notice, refused }: OrdersPageOptions): Page {
  const wrong = refused !== undefined && raw(' aria-invalid="true" aria-describedby="problem"');
  const items = page.orders.map(
    ({ sku, quantity, createdAt }) => html`<li>
<div class="grow"><h2>${sku}</h2><p class="soft">Ordered ${formatTime(createdAt.getTime())}</p></div>
<span class="amount">× ${quantity}</span>
</li>`,
  );
  const body = html`<h1>Your orders</h1>
<p class="lead">Signed in as ${userId}.</p>
${notice !== undefined && html`<p class="notice" role="status">${notice}</p>`}
${refused !== undefined && html`<p class="notice bad" role="alert" id="problem">${refused.problem}</p>`}
<form class="card" method="post" action="/orders">
<input type="hidden" name="key" value="${idempotencyKey}">
<input type="hidden" name="${OWNER_FIELD}" value="${userId}">
<div class="fields">
<div><label for="sku">Article</label>
<input id="sku" name="sku" value="${refused?.sku ?? ''}" maxlength="64" pattern="[A-Za-z0-9._\\-]+" title="Letters, digits, dots, underscores and dashes" placeholder="teapot" autocomplete="off" required${wrong}></div>
<div><label for="quantity">Quantity</label>
<input id="quantity" name="quantity" type="number" inputmode="numeric" min="1" max="1000" value="${refused?.quantity ?? '1'}" required${wrong}></div>
<button class="button">Place order</button>
</div>
</form>
${items.length > 0 ? html`<ul class="list">${items}</ul>` : html`<p class="soft">You have not ordered anything yet.</p>`}
${page.nextCursor !== undefined && html`<p><a class="button quiet" href="/orders?cursor=${encodeURIComponent(page.nextCursor)}">Older orders</a></p>`}`;
  return { title: refused === undefined ? 'Your orders' : 'Problem: your orders', body, signedIn: true };
}
