insert into ledger_subscriptions (event, context, lane) values
    ('users.user_deactivated.v1', 'auth', 'fast'),
    ('users.user_reactivated.v1', 'auth', 'fast');
