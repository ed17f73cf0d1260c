async def test_smoke(factories, database, doors):
    tenant = await factories.tenant()
    r = await doors.agent(tenant.admin).get("/me")
    print(r.status_code, r.text)
    channel = await factories.channel(tenant.enterprise_id)
    guest = await factories.visitor(channel)
    r = await doors.visitor(guest.token).get("/widget/conversations")
    print(r.status_code, r.text)
