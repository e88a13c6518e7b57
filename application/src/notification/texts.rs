//! The texts of notifications in each language.

use p2p_domain::event::FactName;
use p2p_domain::{Actor, Decline, Language, Money, Notification};

/// A title and a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    pub title: &'static str,
    pub body: String,
}

/// The text of a notification.
#[must_use]
pub fn text(notification: &Notification, language: Language) -> Text {
    match language {
        Language::English => english(notification),
        Language::Russian => russian(notification),
    }
}

fn money(money: Option<Money>) -> String {
    money.map_or_else(String::new, |money| format!("{money} {}", money.asset()))
}

/// The actor behind the event, if the notification names one.
fn author(detail: Option<&str>) -> Option<Actor> {
    detail.and_then(|name| name.parse().ok())
}

fn english(notification: &Notification) -> Text {
    let news = &notification.news;
    let (crypto, fiat) = (money(news.amount), money(news.fiat));
    let detail = news.detail.as_deref();
    let (title, body) = match news.event {
        FactName::ExchangeOfferCreated => (
            "New offer",
            format!("A customer would like to exchange {crypto} for {fiat} with you. Please respond in time."),
        ),
        FactName::ExchangeOfferApproved => (
            "Offer accepted",
            format!("Your offer of {crypto} for {fiat} was accepted."),
        ),
        FactName::ExchangeOfferDeclined => (
            "Offer declined",
            format!("Your offer of {crypto} for {fiat} was declined."),
        ),
        FactName::PaymentConfirmed => (
            "Payment sent",
            format!(
                "{fiat} was sent, reference {}. Please confirm the receipt once the money has arrived.",
                detail.unwrap_or("unknown")
            ),
        ),
        FactName::ReceiptConfirmed => (
            "Payment received",
            format!("The receipt of {fiat} was confirmed."),
        ),
        FactName::ExchangeOfferFinished => (
            "Deal finished",
            format!("The exchange of {crypto} for {fiat} is finished."),
        ),
        FactName::ExchangeOfferCancelled => (
            "Deal cancelled",
            format!(
                "The exchange of {crypto} for {fiat} was cancelled {}.",
                match author(detail) {
                    Some(Actor::Customer) => "by the customer",
                    Some(Actor::Exchanger) => "by the exchanger",
                    Some(Actor::Moderator) => "by a moderator",
                    Some(Actor::System | Actor::Provider) | None => "because its deadline passed",
                }
            ),
        ),
        FactName::DisputeOpened => (
            "Dispute opened",
            format!(
                "There is a dispute about the exchange of {crypto} for {fiat}, opened {}. A moderator will decide.",
                match author(detail) {
                    Some(Actor::Customer) => "by the customer",
                    Some(Actor::Exchanger) => "by the exchanger",
                    _ => "because the receipt was not confirmed in time",
                }
            ),
        ),
        FactName::DisputeResolved => (
            "Dispute resolved",
            format!(
                "A moderator has decided about the exchange of {crypto} for {fiat}: {}.",
                match detail {
                    Some("RESOLVED_FINISHED") => "the crypto was paid out",
                    Some("RESOLVED_CANCELLED") => "the crypto was returned",
                    _ => "the crypto was split",
                }
            ),
        ),
        FactName::ExchangerFrozen => (
            "Exchanger frozen",
            "Too many offers were left unanswered: your listings are paused until a moderator decides."
                .to_owned(),
        ),
        FactName::ExchangerUnfrozen => (
            "Exchanger unfrozen",
            "A moderator has lifted the freeze. Listings can be resumed.".to_owned(),
        ),
        FactName::OrderPaymentRequested => (
            "Order placed",
            format!("An order of {crypto} is being paid."),
        ),
        FactName::PaymentProcessed => match detail.and_then(|name| name.parse().ok()) {
            None => ("Order paid", format!("Your order of {crypto} is paid.")),
            Some(reason) => (
                "Order cancelled",
                format!(
                    "Your order of {crypto} could not be paid: {}.",
                    Decline::reason(reason)
                ),
            ),
        },
        FactName::PaymentRefunded => (
            "Order refunded",
            format!("The price of your order, {crypto}, was returned to your wallet."),
        ),
        FactName::WithdrawalRequested => (
            "Withdrawal requested",
            format!("A user would like to withdraw {crypto}. An administrator has to decide."),
        ),
        FactName::WithdrawalApproved => (
            "Withdrawal approved",
            format!("Your withdrawal of {crypto} is on its way."),
        ),
        FactName::WithdrawalRejected => (
            "Withdrawal rejected",
            format!(
                "Your withdrawal of {crypto} was rejected; the money is available again: {}",
                detail.unwrap_or("no reason was given")
            ),
        ),
    };
    Text { title, body }
}

fn russian(notification: &Notification) -> Text {
    let news = &notification.news;
    let (crypto, fiat) = (money(news.amount), money(news.fiat));
    let detail = news.detail.as_deref();
    let (title, body) = match news.event {
        FactName::ExchangeOfferCreated => (
            "Новая заявка",
            format!("Вам предлагают обменять {crypto} на {fiat}. Ответьте вовремя."),
        ),
        FactName::ExchangeOfferApproved => (
            "Заявка принята",
            format!("Ваша заявка на обмен {crypto} на {fiat} принята."),
        ),
        FactName::ExchangeOfferDeclined => (
            "Заявка отклонена",
            format!("Ваша заявка на обмен {crypto} на {fiat} отклонена."),
        ),
        FactName::PaymentConfirmed => (
            "Оплата отправлена",
            format!(
                "Отправлено {fiat}, назначение: {}. Когда деньги поступят, получение нужно подтвердить.",
                detail.unwrap_or("неизвестно")
            ),
        ),
        FactName::ReceiptConfirmed => (
            "Оплата получена",
            format!("Получение {fiat} подтверждено."),
        ),
        FactName::ExchangeOfferFinished => (
            "Сделка завершена",
            format!("Обмен {crypto} на {fiat} завершён."),
        ),
        FactName::ExchangeOfferCancelled => (
            "Сделка отменена",
            format!(
                "Обмен {crypto} на {fiat} отменён: {}.",
                match author(detail) {
                    Some(Actor::Customer) => "так решил клиент",
                    Some(Actor::Exchanger) => "так решил обменник",
                    Some(Actor::Moderator) => "так решил модератор",
                    Some(Actor::System | Actor::Provider) | None => "истекло время",
                }
            ),
        ),
        FactName::DisputeOpened => (
            "Открыт спор",
            format!(
                "По обмену {crypto} на {fiat} открыт спор: {}. Решение примет модератор.",
                match author(detail) {
                    Some(Actor::Customer) => "его открыл клиент",
                    Some(Actor::Exchanger) => "его открыл обменник",
                    _ => "получение не подтверждено вовремя",
                }
            ),
        ),
        FactName::DisputeResolved => (
            "Спор решён",
            format!(
                "Модератор принял решение по обмену {crypto} на {fiat}: {}.",
                match detail {
                    Some("RESOLVED_FINISHED") => "криптовалюта выплачена",
                    Some("RESOLVED_CANCELLED") => "криптовалюта возвращена",
                    _ => "криптовалюта разделена",
                }
            ),
        ),
        FactName::ExchangerFrozen => (
            "Обменник заморожен",
            "Слишком много заявок осталось без ответа: объявления приостановлены до решения модератора."
                .to_owned(),
        ),
        FactName::ExchangerUnfrozen => (
            "Обменник разморожен",
            "Модератор снял заморозку. Объявления можно возобновить.".to_owned(),
        ),
        FactName::OrderPaymentRequested => (
            "Заказ создан",
            format!("Заказ на {crypto} оплачивается."),
        ),
        FactName::PaymentProcessed => match detail.and_then(|name| name.parse().ok()) {
            None => ("Заказ оплачен", format!("Ваш заказ на {crypto} оплачен.")),
            Some(reason) => (
                "Заказ отменён",
                format!(
                    "Ваш заказ на {crypto} не удалось оплатить: {}.",
                    declined_in_russian(reason)
                ),
            ),
        },
        FactName::PaymentRefunded => (
            "Оплата возвращена",
            format!("Стоимость вашего заказа, {crypto}, снова в вашем кошельке."),
        ),
        FactName::WithdrawalRequested => (
            "Запрошен вывод средств",
            format!("Запрошен вывод {crypto}. Решение примет администратор."),
        ),
        FactName::WithdrawalApproved => (
            "Вывод одобрен",
            format!("Ваш вывод {crypto} отправлен."),
        ),
        FactName::WithdrawalRejected => (
            "Вывод отклонён",
            format!(
                "Вывод {crypto} отклонён, средства снова доступны: {}",
                detail.unwrap_or("причина не указана")
            ),
        ),
    };
    Text { title, body }
}

const fn declined_in_russian(reason: Decline) -> &'static str {
    match reason {
        Decline::InsufficientFunds => "в кошельке недостаточно средств",
        Decline::AccountNotFound => "нет такого счёта",
        Decline::InvalidAmount => "такую сумму оплатить нельзя",
        Decline::SameAccount => "плательщик и получатель совпадают",
        Decline::CurrencyMismatch => "счета в другой валюте",
        Decline::RateLimited => "слишком много платежей за короткое время",
    }
}
