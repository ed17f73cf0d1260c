from qiatan.infra.clock import new_id
from qiatan.infra.db import Database
from qiatan.kit.cursors import encode_cursor
from tests.support import talk
from tests.support.doors import Doors
from tests.support.factories import Factories


async def test_probe(database: Database, factories: Factories, doors: Doors) -> None:
    tenant = await factories.tenant()
    agent = await factories.agent(tenant.enterprise_id)
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    cid = await talk.served(database, guest, agent)
    http = doors.agent(agent)
    adm = doors.agent(tenant.admin)
    vis = doors.visitor(guest.token)
    i = str(new_id())
    naive = encode_cursor("2026-01-01T00:00:00", i)
    odd = encode_cursor("0001-01-01T00:00:00+14:00", i)
    far = encode_cursor("9999-12-31T23:59:59-14:00", i)
    C = f"/conversations/{cid}"; K = f"/customers/{guest.customer_id}"
    calls = []
    for cur in (naive, odd, far):
        calls += [("GET", f"{p}{'&' if '?' in p else '?'}after={cur}", None) for p in (f"{C}/earlier", "/conversations", "/conversations?view=ended","/conversations/search?q=a", f"{K}/changes", f"{K}/notes", "/blocked-customers")]
    calls += [
        ("GET", "/mentions?after=" + encode_cursor(0, "2026-01-01T00:00:00+00:00", i, 10**40), None),
        ("GET", "/mentions?after=" + encode_cursor(0, "2026-01-01T00:00:00+00:00", i, "1_0"), None),
        ("GET", "/mentions?after=" + encode_cursor(0, "2026-01-01T00:00:00", i, 1), None),
        ("GET", f"{K}/changes?field=%00", None),
        ("GET", "/conversations/search?q=%00", None), ("GET", "/conversations/search?q=%5C", None), ("GET", "/conversations/search?q=" + "%25"*50, None),
        ("GET", "/blocked-customers?q=%00", None),
        ("GET", "/replies?since_version=%00", None),
        ("PUT", f"{C}/draft", '{"text":"a\\u0000","at":"2026-01-01T00:00:00Z"}'),
        ("PUT", f"{C}/draft", '{"text":"\\ud800","at":"2026-01-01T00:00:00Z"}'),
        ("PUT", f"{C}/draft", '{"text":"x","at":"0001-01-01T00:00:00+14:00"}'),
        ("PUT", f"{C}/draft", '{"text":"x","at":"9999-12-31T23:59:59-14:00"}'),
        ("PUT", f"{C}/draft", '{"text":"x","at":-62135596800}'),
        ("PUT", f"{C}/draft", '{"text":"x","at":"2026-01-01T00:00:00Z","\\ud800":1}'),
        ("PUT", f"{C}/draft", '{"text":"x","at":"2026-01-01T00:00:00Z","n\\u0000":1}'),
        ("PATCH", K, '{"version":1,"fields":{"\\ud800":"x"}}'),
        ("PATCH", K, '{"version":1,"fields":{"x\\u0000":"x"}}'),
        ("PATCH", K, '{"version":1,"fields":{"phone":"\\ud800"}}'),
        ("PATCH", K, '{"version":1,"fields":{"phone":"1\\u000038"}}'),
        ("PATCH", K, '{"version":1,"fields":{"phone":"１３８００１３８０００", "age":"٣", "email":"İ@x.y"}}'),
        ("PATCH", K, '{"version":2,"fields":{"age":"1e5","qq":"١٢٣٤٥٦"}}'),
        ("POST", f"{C}/block", '{"reason":"a\\u0000","expires_at":null}'),
        ("POST", f"{C}/block", '{"reason":"a","expires_at":"9999-12-31T23:59:59-14:00"}'),
        ("POST", f"{C}/messages/2147483647/edit", '{"client_message_id":"%s","text":"x"}' % i),
        ("POST", f"{C}/messages/0/edit", '{"client_message_id":"%s","text":"x"}' % i),
        ("POST", f"{C}/notes", '{"client_message_id":"%s","text":"x","mentions":["%s"]}' % (new_id(), new_id())),
        ("POST", f"{C}/notes", '{"client_message_id":"%s","text":"x","reply_to":2000000000}' % (new_id(),)),
        ("POST", f"{C}/messages", '{"client_message_id":"%s","kind":"edit","text":"x"}' % (new_id(),)),
        ("POST", f"{C}/messages", '{"client_message_id":"%s","kind":"rich","document":{"blocks":[{"kind":"paragraph","spans":[{"text":"a\\u0000"}]}]}}' % (new_id(),)),
        ("POST", f"{C}/messages", '{"client_message_id":"%s","kind":"rich","document":{"blocks":[{"kind":"paragraph","spans":[{"text":"\\ud800"}]}]}}' % (new_id(),)),
        ("POST", f"{C}/messages", '{"client_message_id":"%s","kind":"rich","document":{"blocks":[{"kind":"paragraph","spans":[{"text":"a","href":"http://[::1"}]}]}}' % (new_id(),)),
        ("POST", f"{C}/messages", '{"client_message_id":"%s","kind":"rich","document":{"blocks":[{"kind":"picture","id":"%s","width":1,"height":1}]}}' % (new_id(), new_id())),
        ("PUT", f"{C}/tags", '{"tag_ids":["%s"]}' % new_id()),
        ("POST", "/uploads", '{"name":"\\ud800.exe","size":1}'), ("POST", "/uploads", '{"name":"","size":1}'), ("POST", "/uploads", '{"name":"...","size":9007199254740992}'),
        ("POST", "/uploads", '{"name":"%s","size":1}' % (". " * 400)),
        ("POST", "/uploads", '{"name":"%s.abcdefghijklmnop","size":1}' % ("é." * 400)),
        ("PUT", "/replies/order", '{"owner":"own","group_id":null,"ids":[]}'),
        ("POST", "/replies", '{"owner":"own","title":"\\u0000","document":{"blocks":[{"kind":"paragraph","spans":[{"text":"a"}]}]}}'),
        ("POST", "/replies", '{"owner":"own","title":"a","document":{"blocks":[{"kind":"paragraph","spans":[{"text":"{{customer.name}} {{\\u0000}}"}]}]}}'),
        ("PUT", f"{C}/nonsense", "{}"),
    ]
    for client, cs in ((http, calls), (vis, [
        ("PUT", f"/widget/conversations/{cid}/evaluation", '{"level":"good","remark":"\\u0000"}'),
        ("PUT", f"/widget/conversations/{cid}/evaluation", '{"level":"good","remark":"%s"}' % ("x"*501)),
        ("PUT", "/widget/metadata", '{"values":{"\\ud800":"x"}}'),
        ("POST", "/widget/messages", '{"client_message_id":"%s","text":"x","reply_to":2}' % new_id()),
        ("POST", "/widget/messages", '{"client_message_id":"%s","kind":"rich","document":{"blocks":[{"kind":"paragraph","spans":[{"text":"a"}]}]}}' % new_id()),
        ("GET", f"/widget/files/{i}/link", None),
    ])):
        for m, p, b in cs:
            try:
                r = await client.request(m, p, content=b, headers={"content-type": "application/json"} if b else {})
                out = r.status_code if r.status_code >= 500 else f"{r.status_code} {r.text[:90] if r.status_code>=400 else ''}"
            except Exception as e:
                out = f"CRASH {type(e).__name__} {str(e)[:150]}"
            open("/tmp/b5/probe.txt","a").write(f"{m} {p[:70]} {(b or '')[:90]} => {out}\n")
